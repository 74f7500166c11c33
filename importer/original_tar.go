package importer

import (
	"archive/tar"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"offlinestore/blob"
)

// maxPadding is how many zeros may follow the end of an archive. Python writes less than 10 KiB.
const maxPadding = 1 << 20

// fileOf returns the address of a file and the SHA-384 that Juju knows it by.
func fileOf(sums *blob.Sums) file { return file{sums.Digest(), sums.Hex(blob.SHA384), sums.Size()} }

func newSums() *blob.Sums { return blob.NewSums(blob.SHA256 | blob.SHA384) }

// counted counts what is read, and remembers why it could not be.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// damaged is err as one about the bytes, unless they could not even be read.
func (c *counted) damaged(err error) error {
	if c.err != nil {
		return c.err
	}
	var known errOriginal
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badOriginal("it was cut off, or is still being copied")
	}
	return badOriginal("damaged: %w", err)
}

// unpacked is a stream that was compressed, of which no more is taken than what it was read from could honestly hold.
type unpacked struct {
	r   io.Reader
	raw *counted
	n   int64
}

func unpack(r io.Reader, raw *counted) (*unpacked, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, raw.damaged(err)
	}
	return &unpacked{r: z, raw: raw}, nil
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	if u.n > maxOriginal || u.n > freeSize && u.n/maxRatio > u.raw.n {
		return 0, badOriginal("it unpacks to more than %d times its size, as no charm does", maxRatio)
	}
	if err != nil && err != io.EOF {
		err = u.raw.damaged(err)
	}
	return n, err
}

// end makes sure that nothing but padding follows the archive, and that the checksum at its end is right.
func (u *unpacked) end() error {
	var zeros int
	buf := make([]byte, 32<<10)
	for {
		n, err := u.Read(buf)
		if zeros += n; zeros > maxPadding || strings.Trim(string(buf[:n]), "\x00") != "" {
			return badOriginal("there is something after the end of the archive")
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
func eachEntry(u *unpacked, fn func(*tar.Header, io.Reader) error) error {
	t := tar.NewReader(u)
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return u.end()
		}
		if err != nil {
			return u.raw.damaged(err)
		}
		switch {
		case n == maxEntries:
			return badOriginal("more than %d entries", maxEntries)
		case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg || isSparse(h):
			return badOriginal("%.100q is no plain file", h.Name)
		}
		if err := fn(h, &entry{t, u}); err != nil {
			return err
		}
	}
}

// isSparse says whether the file has holes, which would let an archive grow without a byte of its own.
func isSparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// entry says of a file that ends early that the archive does.
type entry struct {
	t *tar.Reader
	u *unpacked
}

func (e *entry) Read(p []byte) (int, error) {
	n, err := e.t.Read(p)
	if err != nil && err != io.EOF {
		err = e.u.raw.damaged(err)
	}
	return n, err
}
