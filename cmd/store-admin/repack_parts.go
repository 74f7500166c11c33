package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// writeParts writes a bundle in parts of at most size bytes, and returns their names. It opens blobs in any order. If it fails, it leaves no part.
func writeParts(ctx context.Context, s *bundle.SignedBundle, to string, size int64, p packing) ([]string, error) {
	if p.open == nil {
		return nil, cli.Usagef("--part-size reads the blobs in another order than this archive has them, and it is zstd, encrypted, a pipe or in parts: repack it with --layout oci first, and then that folder")
	}
	if p.size(s) <= size {
		_, err := packFile(ctx, s, to, p)
		return []string{to}, err
	}
	dir := filepath.Dir(to)
	name := func(n, count int) string { return partName(filepath.Base(to), n, count) }
	d, err := s.Divide(ctx, p.plainSize(size), p.compression, name, p.open, nil)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range d.Files {
		file := filepath.Join(dir, name)
		if _, err := os.Lstat(file); err == nil {
			return nil, &bundle.ExistsError{Dir: dir, Name: name}
		}
		files = append(files, file)
	}
	for i, file := range files {
		if _, err := packFile(ctx, d.Part(i+1), file, p); err != nil {
			for _, done := range files[:i] {
				err = errors.Join(err, os.Remove(done))
			}
			return nil, err
		}
	}
	return files, nil
}
