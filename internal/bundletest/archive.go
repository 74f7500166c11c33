package bundletest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// File is one entry of an archive.
type File struct {
	Header tar.Header
	Data   []byte
}

// Unpack returns the entries of an archive without compression.
func Unpack(tb testing.TB, packed []byte) []File {
	tb.Helper()
	var files []File
	for r := tar.NewReader(bytes.NewReader(packed)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			tb.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, File{*h, data})
	}
}

// Pack writes an archive of the files. It keeps the sizes that they claim, even wrong ones.
func Pack(tb testing.TB, files []File) []byte {
	tb.Helper()
	var out bytes.Buffer
	for _, f := range files {
		if err := tar.NewWriter(&out).WriteHeader(&f.Header); err != nil {
			tb.Fatal(err)
		}
		out.Write(f.Data)
		out.Write(make([]byte, -len(f.Data)&511))
	}
	out.Write(make([]byte, 1024))
	return out.Bytes()
}

// UnpackTo makes a layout directory of an archive.
func UnpackTo(tb testing.TB, dir string, files []File) {
	tb.Helper()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Header.Name))
		if f.Header.Typeflag == tar.TypeDir {
			continue // the first file in it makes the folder
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

// Gzip compresses b with gzip.
func Gzip(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	return compressed(tb, &out, w, b)
}

// Zstd compresses b in the kind of frame that a bundle has.
func Zstd(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(false))
	if err != nil {
		tb.Fatal(err)
	}
	return compressed(tb, &out, w, b)
}

func compressed(tb testing.TB, out *bytes.Buffer, w io.WriteCloser, b []byte) []byte {
	tb.Helper()
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
