package bundle_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// zeros reads as n bytes of zeros.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), z.n)]
	clear(p)
	z.n -= int64(len(p))
	return len(p), nil
}

func (z *zeros) Close() error { return nil }

// large returns a bundle with one blob of size zeros, whose sha256 is sum.
func large(tb testing.TB, size int64, sum digest.Digest) *content {
	tb.Helper()
	c := tiny(tb)
	b := bundle.Blob{Digest: sum, Size: size}
	c.revisions[0].Blob, c.revisions[0].Revision.Download = b, download(b)
	return c
}

// TestMemory writes a bundle with a blob of 1 GiB and reads it at the same time. The heap must not grow with the blob.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it moves gigabytes")
	}
	for f, size := range map[bundle.Compression]int64{bundle.Gzip: 1 << 30, bundle.None: 1 << 28, bundle.Zstd: 1 << 28} {
		h := sha256.New()
		if _, err := io.Copy(h, &zeros{size}); err != nil {
			t.Fatal(err)
		}
		c := large(t, size, digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(h.Sum(nil))))
		s := c.seal(t)
		before, peak := heap(), uint64(0)
		var moved int64
		progress := func(n int64) {
			if moved += n; moved%(16<<20) < n {
				peak = max(peak, heap())
			}
		}
		pr, pw := io.Pipe()
		done := make(chan error)
		go func() {
			open := func(digest.Digest) (io.ReadCloser, error) { return &zeros{size}, nil }
			err := s.WriteTar(t.Context(), pw, f, open, progress)
			pw.CloseWithError(err)
			done <- err
		}()
		err := discard(pr)
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		if moved != size {
			t.Errorf("%s: %d bytes moved, want %d", f, moved, size)
		}
		if peak > before+16<<20 {
			t.Errorf("%s: the heap grew from %d to %d bytes", f, before, peak)
		}
		t.Logf("%s: the heap grew from %d to %d KiB", f, before>>10, peak>>10)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// discard reads a bundle to its end.
func discard(in io.Reader) error {
	r, err := bundle.NewReader("test", in)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]byte, 256<<10)
	for {
		_, blob, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{blob}, buf); err != nil {
			return err
		}
	}
}

// TestHugeBlob shows that blobs of 8 GiB and more are written and read. A plain USTAR header can't hold such a size.
func TestHugeBlob(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{1<<33 - 1, 1 << 33, bundle.MaxBlobSize} {
		s := large(t, size, digest.FromString("of no matter")).seal(t)
		var head bytes.Buffer
		limited := &limitedWriter{&head, 1 << 20}
		open := func(digest.Digest) (io.ReadCloser, error) { return &zeros{size}, nil }
		if err := s.WriteTar(t.Context(), limited, bundle.None, open, nil); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		r, err := bundle.NewReader("test", bytes.NewReader(head.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		desc, blob, err := r.Next()
		if err != nil || desc.Size != size {
			t.Fatalf("size %d, %v; want %d", desc.Size, err, size)
		}
		var damaged *bundle.BlobError
		if _, err := io.Copy(io.Discard, blob); !errors.As(err, &damaged) {
			t.Errorf("cut off: got %v", err)
		}
		if got := lastHeader(t, head.Bytes()); got.Size != size {
			t.Errorf("archive/tar reads a size of %d, want %d", got.Size, size)
		}
		if s.TarSize() < size || s.Size(bundle.Gzip) <= s.TarSize() {
			t.Errorf("sizes of %d and %d for %d", s.TarSize(), s.Size(bundle.Gzip), size)
		}
	}
}

func lastHeader(t *testing.T, b []byte) *tar.Header {
	t.Helper()
	var last *tar.Header
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err != nil {
			return last
		}
		last = h
	}
}

type limitedWriter struct {
	b    *bytes.Buffer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errFull
	}
	return l.b.Write(p)
}
