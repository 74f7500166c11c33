package canonical

import (
	"archive/tar"
	"bytes"
	"io"

	"offlinestore/blob"
)

// storeFile stores an entry unless validate, which may be nil, refuses its content.
func (p *parser) storeFile(h *tar.Header, r io.Reader, validate func(io.ReaderAt) error) (file, error) {
	if h.Size > maxFile {
		return file{}, formatErrorf("%.100q: %d bytes are over the limit of %d", h.Name, h.Size, int64(maxFile))
	}
	return p.store(r, h.Size, validate)
}

// storeText stores a text that was kept in memory.
func (p *parser) storeText(b []byte) (file, error) {
	return p.store(bytes.NewReader(b), int64(len(b)), nil)
}

func (p *parser) store(r io.Reader, size int64, validate func(io.ReaderAt) error) (f file, err error) {
	sums := blob.NewSums(blob.SHA256 | blob.SHA384) // Juju knows files by both
	err = p.StoreBlob(io.TeeReader(r, sums), size, func(content io.ReaderAt) (blob.Digest, error) {
		if validate != nil {
			if err := validate(content); err != nil {
				return "", err
			}
		}
		f = file{sums.Digest(), sums.Hex(blob.SHA384), size}
		return f.digest, nil
	})
	return f, err
}

// readText reads a small file into memory.
func (p *parser) readText(h *tar.Header, r io.Reader, max int64) ([]byte, error) {
	if h.Size > max {
		return nil, formatErrorf("%.100q: %d bytes are over the limit of %d", h.Name, h.Size, max)
	}
	if err := p.reserve(h.Size); err != nil {
		return nil, err
	}
	b := make([]byte, h.Size)
	_, err := io.ReadFull(r, b)
	return b, err
}

// reserve counts n more bytes that are kept in memory.
func (p *parser) reserve(n int64) error {
	if p.kept += n; p.kept > maxKept {
		return formatErrorf("its small files have more than %d bytes together", maxKept)
	}
	return nil
}
