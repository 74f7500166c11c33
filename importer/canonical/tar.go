package canonical

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"offlinestore/blob"
)

// maxPadding is how many zeros may follow the end of an archive. Python writes less than 10 KiB.
const maxPadding = 1 << 20

// source is the file that is read, or the part of one.
type source struct {
	*blob.Meter
	// length is the number of bytes in the file, 0 if unknown.
	length int64
}

func newSource(ctx context.Context, in io.Reader, length int64, progress func(int64)) *source {
	return &source{blob.NewMeter(ctx, in, progress), length}
}

// damaged returns err as a FormatError, unless the bytes of the file could not be read at all.
func damaged(raw *source, err error) error {
	if cause := raw.Err(); cause != nil {
		return cause
	}
	var known *FormatError
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatErrorf("it was cut off, or is still being copied")
	}
	return formatErrorf("damaged: %w", err)
}

// unpacker decompresses a stream. It stops at more than honest content could unpack to.
type unpacker struct {
	r   io.Reader
	raw *source
	n   int64
}

func unpack(r io.Reader, raw *source) (*unpacker, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, damaged(raw, err)
	}
	return &unpacker{r: z, raw: raw}, nil
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	if isBomb(u.n, u.raw.Size()) {
		return 0, errBomb
	}
	if err != nil && err != io.EOF {
		err = damaged(u.raw, err)
	}
	return n, err
}

// errBomb means that a file unpacks to more than honest content does.
var errBomb = formatErrorf("it unpacks to more than %d times its size", maxRatio)

func isBomb(unpacked, packed int64) bool {
	return unpacked > maxUnpacked || unpacked > freeSize && unpacked/maxRatio > packed
}

// end reads the rest of the stream: nothing but padding may follow the archive, and the checksum at its end must be right.
func (u *unpacker) end() error {
	var zeros int
	buf := make([]byte, 32<<10)
	for {
		n, err := u.Read(buf)
		if zeros += n; zeros > maxPadding || strings.Trim(string(buf[:n]), "\x00") != "" {
			return formatErrorf("there is something after the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// eachEntry calls fn for each file of an archive.
func eachEntry(u *unpacker, fn func(*tar.Header, io.Reader) error) error {
	t := tar.NewReader(u)
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return u.end()
		}
		if err != nil {
			return damaged(u.raw, err)
		}
		switch {
		case n == maxEntries:
			return formatErrorf("more than %d entries", maxEntries)
		case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg || isSparse(h):
			return formatErrorf("%.100q is no plain file", h.Name)
		case u.raw.length > 0 && isBomb(h.Size, u.raw.length):
			return errBomb // before any space is sought for it
		}
		if err := fn(h, &entry{t, u}); err != nil {
			return err
		}
	}
}

// isSparse reports whether the file has holes, by which an archive could grow without a byte of its own.
func isSparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// entry is the content of one file of an archive. It reports errors as errors of the archive.
type entry struct {
	t *tar.Reader
	u *unpacker
}

func (e *entry) Read(p []byte) (int, error) {
	n, err := e.t.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(e.u.raw, err)
	}
	return n, err
}
