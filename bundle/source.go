package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// readSize is the size of the reads from the input.
const readSize = 256 << 10

// source delivers the files of a bundle in their order. The reader knows their names and sizes in advance.
type source interface {
	// openFile delivers the file name, which must have size bytes. The size -1 accepts any size up to max. openFile skips the unread rest
	// of the file before, and returns the file's size.
	openFile(name string, size, max int64) (io.Reader, int64, error)
	// random reports whether files can be opened after one before them could not.
	random() bool
	// expectEnd refuses anything besides the opened files.
	expectEnd() error
	// checkLength refuses a bundle whose files below the head, with these sizes, are not all there, without reading them.
	checkLength(payload []ocispec.Descriptor) error
	io.Closer
}

// Compression is the framing of a packed bundle.
type Compression string

// The framings. Gzip and None have one encoding only. Zstd compresses compressible content.
const (
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
	None Compression = "none"
)

// Extension returns the end of the name of a packed bundle's file.
func (c Compression) Extension() string {
	return map[Compression]string{Gzip: ".tar.gz", Zstd: ".tar.zst", None: ".tar"}[c]
}

// Validate refuses a value that is no framing.
func (c Compression) Validate() error {
	if c.Extension() == "" {
		return fmt.Errorf("compression %.20q: want gzip, zstd or none", string(c))
	}
	return nil
}

// newTarSource detects the framing of r. The identities open encrypted archives.
func newTarSource(r io.Reader, identities []age.Identity) (*tarSource, error) {
	b := bufio.NewReaderSize(r, readSize)
	t := &tarSource{r: b, tail: b, size: -1}
	if f, ok := r.(*os.File); ok {
		info, err := f.Stat()
		at, err2 := f.Seek(0, io.SeekCurrent)
		if err == nil && err2 == nil && info.Mode().IsRegular() {
			t.size = info.Size() - at
			if at == 0 {
				t.file = f
			}
		}
	}
	magic, err := b.Peek(tarBlock)
	switch {
	case len(magic) == 0 && errors.Is(err, io.EOF):
		return nil, fmt.Errorf("it is empty: %w", ErrNotBundle)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read: %w", err)
	case bytes.HasPrefix(magic, []byte(ageMagic)):
		return newEncryptedSource(b, t.size, identities)
	case bytes.HasPrefix(magic, gzipHeader[:2]):
		if kind := kindInGzip(magic); kind != "" {
			return nil, &KindError{kind}
		}
		g, err := newGzipReader(b)
		if err != nil {
			return nil, err
		}
		t.r, t.gzip = g, true
	case bytes.HasPrefix(magic, zstdHeader[:4]):
		z, err := newZstdReader(b)
		if err != nil {
			return nil, err
		}
		t.r = z
		t.zstd = z
	case bytes.HasPrefix(magic, []byte(layoutFile+"\x00")):
	case fileKindOf(magic) != "":
		return nil, &KindError{fileKindOf(magic)}
	default:
		return nil, fmt.Errorf("neither a tar nor gzip nor zstd: %w", ErrNotBundle)
	}
	return t, nil
}
