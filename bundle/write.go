package bundle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// writeSize is the size of the writes to the output. It is the best size for disks (peers.md 3b).
const writeSize = 256 << 10

// Opener opens a blob of the payload for reading.
type Opener func(digest.Digest) (io.ReadCloser, error)

// TarSize returns the size of the packed bundle without compression, in bytes.
func (s *SignedBundle) TarSize() int64 {
	n := tarSize(int64(len(layoutContent))) + tarSize(int64(len(s.top.index))) + int64(len(tarFolders())) + tarEnd
	for _, l := range s.small() {
		n += tarSize(l.Descriptor.Size)
	}
	for _, d := range s.tree.payload {
		n += tarSize(d.Size)
	}
	return n
}

// Size returns the size of the packed bundle in bytes: exact for Gzip and None, the maximum for Zstd.
func (s *SignedBundle) Size(c Compression) int64 {
	n := s.TarSize()
	switch c {
	case Gzip:
		return gzipSize(n)
	case Zstd: // a block that can't be compressed costs three bytes
		return n + n/(64<<10)*3 + 64
	}
	return n
}

// WriteTar packs the bundle into w. Each blob is verified while it is read, so that a damaged cache is found on this side of the
// gap. progress, which may be nil, is called with the number of payload bytes written.
func (s *SignedBundle) WriteTar(ctx context.Context, w io.Writer, c Compression, open Opener, progress func(n int64)) error {
	b := bufio.NewWriterSize(w, writeSize)
	var z io.WriteCloser
	var err error
	switch c {
	case Gzip:
		z, err = newGzipWriter(b, s.TarSize())
	case Zstd:
		z, err = newZstdWriter(b)
	case None:
		z = nopCloser{b}
	default:
		err = c.Validate()
	}
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	if err := s.writeTar(ctx, z, open, progress); err != nil {
		return err
	}
	if err := errors.Join(z.Close(), b.Flush()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

func (s *SignedBundle) writeTar(ctx context.Context, w io.Writer, open Opener, progress func(int64)) error {
	if err := writeFile(w, layoutFile, layoutContent); err != nil {
		return err
	}
	if err := writeFile(w, indexFile, s.top.index); err != nil {
		return err
	}
	if _, err := w.Write(tarFolders()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, l := range s.small() {
		if err := writeFile(w, blobName(l.Descriptor.Digest), l.Data); err != nil {
			return err
		}
	}
	open = s.openRanges(open)
	for _, desc := range s.tree.payload {
		if err := writePayload(ctx, w, desc, open, progress); err != nil {
			return fmt.Errorf("write %s: %w", desc.Annotations[ocispec.AnnotationTitle], err)
		}
	}
	if _, err := w.Write(make([]byte, tarEnd)); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

func writeFile(w io.Writer, name string, data []byte) error {
	b := append(tarHeader(name, int64(len(data))), data...)
	if _, err := w.Write(append(b, make([]byte, padding(int64(len(data))))...)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writePayload writes a blob with its header and its padding.
func writePayload(ctx context.Context, w io.Writer, desc ocispec.Descriptor, open Opener, progress func(int64)) error {
	f, err := open(desc.Digest)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := w.Write(tarHeader(blobName(desc.Digest), desc.Size)); err != nil {
		return err
	}
	if err := copyBlob(ctx, w, f, desc, progress); err != nil {
		return err
	}
	_, err = w.Write(make([]byte, padding(desc.Size)))
	return err
}

// copyBlob hashes a blob in one goroutine while the other one writes it.
func copyBlob(ctx context.Context, w io.Writer, f io.Reader, desc ocispec.Descriptor, progress func(int64)) error {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, readSize)
		_, err := io.CopyBuffer(pw, onlyReader{blob.NewVerifyReader(f, desc.Digest, desc.Size)}, buf)
		pw.CloseWithError(err)
	}()
	err := copyPayload(ctx, w, pr, progress)
	pr.CloseWithError(err)
	<-done
	return err
}

func copyPayload(ctx context.Context, w io.Writer, r io.Reader, progress func(int64)) error {
	buf := make([]byte, readSize)
	for {
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		if progress != nil && n > 0 {
			progress(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
	}
}

// onlyReader hides the method WriteTo, which would choose a buffer of its own.
type onlyReader struct{ io.Reader }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
