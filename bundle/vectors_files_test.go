package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// replace writes the files below root and removes all other generated files.
func (files vectorFiles) replace(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"valid", "hostile", "assertions", "pem", "bundles/v1.0", "bundles/v1.1"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if target, ok := strings.CutPrefix(string(data), vectorLink); ok {
			err = errors.Join(err, os.Symlink(target, file))
		} else {
			err = errors.Join(err, os.WriteFile(file, data, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readVectorFile returns the content of a file, or the target of a link.
func readVectorFile(file string, e fs.DirEntry) ([]byte, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return os.ReadFile(file)
	}
	target, err := os.Readlink(file)
	return []byte(vectorLink + target), err
}

// sameVector reports whether two files are the same. The blocks of zstd may differ, since the encoder chooses them.
func sameVector(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := unzstd(a)
	y, errY := unzstd(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func unzstd(b []byte) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
