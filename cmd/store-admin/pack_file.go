package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"filippo.io/age"

	"offlinestore/blob"
	"offlinestore/bundle"
)

// packing tells how an archive is written.
type packing struct {
	compression bundle.Compression
	open        bundle.Opener
	progress    func(int64)
	// end is called after the last blob was read, unless it is nil.
	end func() error
	// encryptTo are the recipients of an encrypted archive.
	encryptTo []age.Recipient
}

// packFile writes an archive. The archive gets its name when it is complete and synced, and never replaces another file.
func packFile(ctx context.Context, s *bundle.SignedBundle, file string, p packing) (int64, error) {
	size := s.Size(p.compression)
	encryption, err := p.newEncryption()
	if err != nil {
		return 0, err
	}
	if encryption != nil {
		size = encryption.Size(size)
	}
	if err := blob.CheckFileSize(filepath.Dir(file), filepath.Base(file), size); err != nil {
		return 0, err
	}
	if p.compression == bundle.Zstd {
		size = 0 // an upper bound is no reason to refuse
	}
	f, err := blob.CreateFile(file, size, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Discard()
	if err := p.writeTar(ctx, s, f, encryption); err != nil {
		return 0, fmt.Errorf("pack %s: %w", file, err)
	}
	if err := f.Commit(); err != nil {
		return 0, fmt.Errorf("pack %s: %w", file, err)
	}
	return f.Size(), nil
}

// size returns the size of the file of a bundle, which is an upper bound for zstd.
func (p packing) size(s *bundle.SignedBundle) int64 { return p.fullSize(s.Size(p.compression)) }

// fullSize returns the size of a file with n bytes of an archive.
func (p packing) fullSize(n int64) int64 {
	e, err := p.newEncryption()
	if e == nil || err != nil { // packFile reports the error
		return n
	}
	return e.Size(n)
}

// plainSize returns the size of the largest archive that makes a file of at most size bytes.
func (p packing) plainSize(size int64) int64 {
	least, most := int64(0), size
	for least < most {
		if middle := most - (most-least)/2; p.fullSize(middle) <= size {
			least = middle
		} else {
			most = middle - 1
		}
	}
	return least
}

// newEncryption returns nil for an archive that is not encrypted.
func (p packing) newEncryption() (*bundle.Encryption, error) {
	if len(p.encryptTo) == 0 {
		return nil, nil
	}
	return bundle.NewEncryption(p.encryptTo...)
}

// writeTar writes the content of an archive.
func (p packing) writeTar(ctx context.Context, s *bundle.SignedBundle, f io.Writer, encryption *bundle.Encryption) error {
	w := f
	var sealed io.WriteCloser
	if encryption != nil {
		var err error
		if sealed, err = encryption.To(f); err != nil {
			return err
		}
		w = sealed
	}
	if err := s.WriteTar(ctx, w, p.compression, p.open, p.progress); err != nil {
		return err
	}
	if p.end != nil {
		if err := p.end(); err != nil {
			return err
		}
	}
	if sealed != nil {
		return sealed.Close()
	}
	return nil
}
