package bundle_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// tiny is the smallest bundle: one snap, one revision, one blob.
func tiny(tb testing.TB) *content {
	tb.Helper()
	c := sample(tb)
	c.snaps, c.revisions, c.blobs = c.snaps[1:], nil, make(map[digest.Digest][]byte)
	c.add("core24", core24ID, 1196, "amd64", nil, c.blob(600, "tiny"))
	return c
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	for _, f := range framings {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			packed := c.pack(t, s, f)
			var places []int
			for n := 0; n < len(packed); n += 512 {
				places = append(places, n, max(n-1, 0), n+1)
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 300 {
				places = append(places, rnd.IntN(len(packed)))
			}
			for n := 1; n < 32; n++ {
				places = append(places, len(packed)-n)
			}
			for _, n := range places {
				if n >= len(packed) {
					continue
				}
				if _, err := receiveBytes(t, packed[:n]); !refused(err) {
					t.Fatalf("cut off after %d of %d bytes: got %v", n, len(packed), err)
				}
			}
		})
	}
}

// flipped reads packed with one bit changed. It must be refused; a zstd bundle may instead be read as what it was.
func flipped(t *testing.T, packed []byte, bit int, want *received, zstd bool) {
	t.Helper()
	b := slices.Clone(packed)
	b[bit/8] ^= 1 << (bit % 8)
	got, err := receiveBytes(t, b)
	switch {
	case err == nil && !zstd:
		t.Fatalf("bit %d of byte %d flipped: read all the same", bit%8, bit/8)
	case err == nil:
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(received{}), cmpopts.IgnoreUnexported(bundle.PublicKey{})); diff != "" {
			t.Fatalf("bit %d of byte %d flipped (-got +want):\n%s", bit%8, bit/8, diff)
		}
	case !refused(err):
		t.Fatalf("bit %d of byte %d flipped: got %v", bit%8, bit/8, err)
	}
}

// TestFlippedBit flips a bit of every byte of a small tar, whose bytes are almost all of the head, and thousands of bits of
// a larger bundle in each framing.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	large, small := sample(t), tiny(t)
	for f, step := range map[bundle.Compression]int{bundle.None: 1, bundle.Gzip: 3, bundle.Zstd: 3} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				step *= 13
			}
			packed := small.pack(t, small.seal(t), f)
			want, err := receiveBytes(t, packed)
			if err != nil {
				t.Fatal(err)
			}
			rnd := rand.New(rand.NewPCG(3, 4))
			for n := range packed {
				if n%step == 0 || n < 40 || n > len(packed)-40 {
					flipped(t, packed, n*8+rnd.IntN(8), want, f == bundle.Zstd)
				}
			}
			packed = large.pack(t, large.seal(t), f)
			if want, err = receiveBytes(t, packed); err != nil {
				t.Fatal(err)
			}
			for range 3000 / step {
				flipped(t, packed, rnd.IntN(len(packed)*8), want, f == bundle.Zstd)
			}
		})
	}
}

// TestDamagedBlob shows that a damaged blob is named, and that those after it can be had.
func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	bad := s.Payload()[1]
	packed := c.pack(t, s, bundle.None)
	packed[bytes.Index(packed, c.blobs[bad.Digest][:16])] ^= 1
	r, err := bundle.NewReader("test", bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var damaged, whole []digest.Digest
	for {
		desc, blob, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, blob)
		var be *bundle.BlobError
		switch {
		case err == nil:
			whole = append(whole, desc.Digest)
		case errors.As(err, &be) && errors.Is(err, bundle.ErrCorrupt) && be.Digest == desc.Digest && be.Title == "jq_6.snap":
			damaged = append(damaged, desc.Digest)
		default:
			t.Fatal(err)
		}
	}
	if len(damaged) != 1 || damaged[0] != bad.Digest || len(whole) != len(c.blobs)-1 {
		t.Errorf("damaged %v, whole %v", damaged, whole)
	}
}

// TestFailingDisk shows that a disk that fails is not called a damaged bundle.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	c := sample(t)
	failed := errors.New("input/output error")
	for _, f := range framings {
		packed := c.pack(t, c.seal(t), f)
		for n := 0; n < len(packed); n += 1999 {
			r, err := bundle.NewReader("test", io.MultiReader(bytes.NewReader(packed[:n]), iotest.ErrReader(failed)))
			if err == nil {
				_, err = receive(t.Context(), r, trusted(t))
			}
			if !errors.Is(err, failed) || errors.Is(err, bundle.ErrCorrupt) {
				t.Fatalf("%s: failing after %d bytes: got %v", f, n, err)
			}
		}
	}
}

// TestSlowInput reads a bundle byte by byte, as a pipe may deliver it.
func TestSlowInput(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	for _, f := range framings {
		for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
			r, err := bundle.NewReader("test", slow(bytes.NewReader(c.pack(t, s, f))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := receive(t.Context(), r, trusted(t))
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
		}
	}
}

// zstdOf frames b with the encoder's own idea of a frame, changed by options.
func zstdOf(t *testing.T, b []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, append([]zstd.EOption{zstd.WithWindowSize(1 << 20), zstd.WithEncoderConcurrency(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gunzipable(t *testing.T, b []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestFraming gives the reader other encodings of the same content, and what is none.
func TestFraming(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	plain, gz, zst := c.pack(t, s, bundle.None), c.pack(t, s, bundle.Gzip), c.pack(t, s, bundle.Zstd)
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	emptyMember := gzipOf(nil)
	lastEmpty := slices.Concat(gz[:10], bytes.Replace(gz[10:len(gz)-8], []byte{1}, []byte{0}, 1))
	tests := map[string][]byte{
		"empty":                         nil,
		"text":                          []byte("hello"),
		"zeros":                         make([]byte, 4096),
		"tar and a byte":                append(slices.Clone(plain), 0),
		"tar and a block of zeros":      append(slices.Clone(plain), make([]byte, 512)...),
		"tar twice":                     append(slices.Clone(plain), plain...),
		"tar with one block at its end": plain[:len(plain)-512],
		"gzip and a byte":               append(slices.Clone(gz), 0),
		"gzip twice":                    append(slices.Clone(gz), gz...),
		"gzip and an empty member":      append(slices.Clone(gz), emptyMember...),
		"empty member and gzip":         append(slices.Clone(emptyMember), gz...),
		"gzip of more than the tar":     gzipOf(append(slices.Clone(plain), 0)),
		"gzip of a block too many":      gzipOf(append(slices.Clone(plain), make([]byte, 512)...)),
		"gzip by another program":       gunzipable(t, plain, gzip.BestSpeed),
		"gzip, stored by another":       gunzipable(t, plain, gzip.NoCompression),
		"gzip in gzip":                  gzipOf(gz),
		"gzip that says it goes on":     lastEmpty,
		"gzip ending in an empty block": emptyLastBlock(plain),
		"zstd and a byte":               append(slices.Clone(zst), 0),
		"zstd twice":                    append(slices.Clone(zst), zst...),
		"zstd and a skippable frame":    append(slices.Clone(zst), skippable...),
		"skippable frame and zstd":      append(slices.Clone(skippable), zst...),
		"zstd of more than the tar":     zstdOf(t, append(slices.Clone(plain), 0)),
		"zstd without a checksum":       zstdOf(t, plain, zstd.WithEncoderCRC(false)),
		"zstd with a large window":      zstdOf(t, plain, zstd.WithWindowSize(8<<20)),
		"zstd with its size":            single(t, plain),
		"zstd of a block of 2 MiB":      append(slices.Clone(zst[:6]), 0xfd, 0xff, 0xff, 0, 0),
		"zstd of a reserved block":      append(slices.Clone(zst[:6]), 0x07, 0x01, 0x00, 0, 0),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := receiveBytes(t, b); !refused(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got, err := receiveBytes(t, zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(1<<20))); err != nil {
		t.Errorf("zstd at another level: %v", err)
	} else {
		checkReceived(t, got, c, s)
	}
}

// emptyLastBlock is a gzip file whose last deflate block is empty.
func emptyLastBlock(plain []byte) []byte {
	plain = plain[:len(plain)/65535*65535]
	gz := gzipOf(plain)
	last := len(gz) - 8 - 5 - 65535
	gz[last] = 0
	return slices.Concat(gz[:len(gz)-8], []byte{1, 0, 0, 0xff, 0xff}, gz[len(gz)-8:])
}

func single(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// TestBomb packs gigabytes of zeros into the place of index.json: little memory may be spent on them.
func TestBomb(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	files := sample(t).forge().seal(testKey())
	head := tarOf(files[:1])
	if _, err := w.Write(head[:len(head)-1024]); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{bundle.MaxIndexSize, bundle.MaxIndexSize + 1, 1 << 32} {
		h := tarHeaderOf("index.json", size)
		if _, err := w.Write(h); err != nil {
			t.Fatal(err)
		}
		zeros := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := receiveBytes(t, out.Bytes()); !errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}
