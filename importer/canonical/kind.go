package canonical

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"offlinestore/squashfs"
)

// kind is the kind of a file by its first bytes.
type kind int

const (
	unknownKind kind = iota
	squashfsKind
	assertionKind
	jsonKind
	archiveKind
	zipKind
)

// startSize is the number of bytes that kindOf needs: the first block of a tar archive.
const startSize = 512

// The first bytes of files.
const (
	assertionStart = "type: "
	gzipStart      = "\x1f\x8b"
	zstdStart      = "\x28\xb5\x2f\xfd"
	xzStart        = "\xfd7zXZ\x00"
	zipStart       = "PK\x03\x04"
	tarMagic       = "ustar"
	tarMagicAt     = 257
)

// maxWindow bounds the memory of a decompressor.
const maxWindow = 64 << 20

func kindOf(start []byte) kind {
	s := string(start)
	switch {
	case strings.HasPrefix(s, squashfs.Magic):
		return squashfsKind
	case strings.HasPrefix(s, assertionStart):
		return assertionKind
	case strings.HasPrefix(s, zipStart):
		return zipKind
	case strings.HasPrefix(s, gzipStart), strings.HasPrefix(s, zstdStart), strings.HasPrefix(s, xzStart), isTar(start):
		return archiveKind
	}
	if s = strings.TrimLeft(s, " \t\r\n"); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		return jsonKind
	}
	return unknownKind
}

func isTar(start []byte) bool {
	return len(start) >= tarMagicAt+len(tarMagic) && bytes.HasPrefix(start[tarMagicAt:], []byte(tarMagic))
}

// IsMember reports whether a file in a folder may be a snap, an assertion, or something else that a Collection takes.
func IsMember(f io.ReaderAt) (bool, error) {
	start := make([]byte, startSize)
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	kind := kindOf(start[:n])
	return kind != unknownKind && kind != zipKind, nil
}

// unpackAny decompresses a stream by its first bytes.
func unpackAny(in *bufio.Reader, raw *source) (*unpacker, error) {
	start, err := in.Peek(startSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch s := string(start); {
	case strings.HasPrefix(s, gzipStart):
		return unpack(in, raw)
	case strings.HasPrefix(s, zstdStart):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, damaged(raw, err)
		}
		return &unpacker{r: z, raw: raw}, nil
	case strings.HasPrefix(s, xzStart):
		x, err := xz.NewReader(in, maxWindow)
		if err != nil {
			return nil, damaged(raw, err)
		}
		return &unpacker{r: x, raw: raw}, nil
	}
	return &unpacker{r: in, raw: raw}, nil
}

// The names that begin a bundle. A bundle has a signature of its own.
const (
	layoutName = "oci-layout"
	indexName  = "index.json"
)

// maxPeek bounds the bytes that a search for the first snap unpacks.
const maxPeek = 1 << 20

// IsSnapArchive reports whether r, read from its beginning, is an archive of snaps with their assertions. It reads no more than it needs
// to. It fails only if r does.
func IsSnapArchive(r io.Reader) (bool, error) {
	raw := newSource(context.Background(), r, 0, nil)
	yes, _ := isSnapArchive(bufio.NewReaderSize(raw, 4096), raw, 0)
	return yes, raw.Err()
}

// isSnapArchive reports whether the first file with a meaning is a snap, or the assertion of one. known is false if there was none.
func isSnapArchive(in *bufio.Reader, raw *source, depth int) (yes, known bool) {
	if start, _ := in.Peek(startSize); kindOf(start) != archiveKind {
		return false, false
	}
	u, err := unpackAny(in, raw)
	if err != nil {
		return false, false
	}
	t := tar.NewReader(io.LimitReader(u, maxPeek))
	for range 64 {
		h, err := t.Next()
		if err != nil {
			return false, false
		}
		if base := path.Base(h.Name); base == layoutName || base == indexName || base == bundleYAML {
			return false, true
		}
		entry := bufio.NewReaderSize(t, 4096)
		start, _ := entry.Peek(4096)
		switch kindOf(start) {
		case squashfsKind:
			return true, true
		case zipKind:
			return false, true
		case assertionKind:
			if strings.HasPrefix(string(start), "type: snap-") || strings.Contains(string(start), "\ntype: snap-") {
				return true, true
			}
		case archiveKind:
			if depth == 0 {
				if yes, known := isSnapArchive(entry, raw, depth+1); known {
					return yes, true
				}
			}
		}
	}
	return false, false
}
