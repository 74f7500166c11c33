package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
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

// newTarSource detects the framing of r.
func newTarSource(r io.Reader) (*tarSource, error) {
	b := bufio.NewReaderSize(r, readSize)
	t := &tarSource{r: b, tail: b, size: -1}
	if f, ok := r.(*os.File); ok {
		info, err := f.Stat()
		at, err2 := f.Seek(0, io.SeekCurrent)
		if err == nil && err2 == nil && info.Mode().IsRegular() {
			t.size = info.Size() - at
		}
	}
	magic, err := b.Peek(tarBlock)
	switch {
	case len(magic) == 0 && errors.Is(err, io.EOF):
		return nil, fmt.Errorf("it is empty: %w", ErrNotBundle)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read: %w", err)
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

// dirSource reads a layout in a directory. It passes over foreign files.
type dirSource struct {
	root   *os.Root
	file   *os.File
	opened map[string]bool
}

func newDirSource(root *os.Root) (*dirSource, error) {
	if _, err := root.Lstat(layoutFile); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("no %s in it: %w", layoutFile, ErrNotBundle)
		}
		return nil, err
	}
	return &dirSource{root: root, opened: make(map[string]bool)}, nil
}

func (d *dirSource) openFile(name string, size, max int64) (io.Reader, int64, error) {
	d.closeFile()
	info, err := d.stat(name, size)
	switch {
	case err != nil:
		return nil, 0, err
	case info.Size() > max:
		return nil, 0, limit("size of "+name, info.Size(), max)
	}
	if d.file, err = d.root.OpenFile(name, os.O_RDONLY|blob.NonBlocking, 0); err != nil {
		return nil, 0, err
	}
	// Somebody may have replaced the file since.
	if opened, err := d.file.Stat(); err != nil || !os.SameFile(info, opened) || opened.Size() != info.Size() {
		return nil, 0, corrupt("%s: it changed while it was opened", name)
	}
	d.opened[name] = true
	return io.LimitReader(d.file, info.Size()), info.Size(), nil
}

// stat finds a plain file, which must have size bytes, or any for -1.
func (d *dirSource) stat(name string, size int64) (fs.FileInfo, error) {
	for _, folder := range []string{"blobs", strings.TrimSuffix(blobPrefix, "/")} {
		if info, err := d.root.Lstat(folder); strings.HasPrefix(name, blobPrefix) && err == nil && !info.IsDir() {
			return nil, corrupt("%s: no plain folder", folder)
		}
	}
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.gone():
		return nil, fmt.Errorf("%s: %w", name, ErrGone)
	case errors.Is(err, fs.ErrNotExist) && name == indexFile:
		return nil, corrupt("%s: missing: the export into this directory did not finish; run it again", name)
	case errors.Is(err, fs.ErrNotExist):
		return nil, corrupt("%s: missing", name)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, corrupt("%s: no plain file", name)
	case size >= 0 && info.Size() != size:
		return nil, corrupt("%s: %d bytes, want %d", name, info.Size(), size)
	}
	return info, nil
}

func (d *dirSource) checkLength(payload []ocispec.Descriptor) error {
	for _, desc := range payload {
		name := blobName(desc.Digest)
		if _, err := d.stat(name, desc.Size); err != nil {
			if errors.Is(err, ErrCorrupt) {
				return blobError(desc, err)
			}
			return err
		}
		d.opened[name] = true
	}
	return d.expectEnd()
}

// gone reports whether the whole layout has disappeared since it was opened.
func (d *dirSource) gone() bool {
	_, err := d.root.Lstat(layoutFile)
	return err != nil
}

// expectEnd refuses files that the bundle does not name.
func (d *dirSource) expectEnd() error {
	return fs.WalkDir(d.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case path == "." && err == nil:
			return nil
		case path != "." && e != nil && blob.IsForeign(e.Name()):
			if e.IsDir() {
				return fs.SkipDir // perhaps only root can read it
			}
			return nil
		case err != nil:
			return err
		case e.IsDir() && slices.Contains([]string{"blobs", "blobs/sha256"}, path):
			return nil
		case !d.opened[path]:
			return corrupt("%.200q is extra: the bundle does not name it", path)
		}
		return nil
	})
}

func (d *dirSource) random() bool { return true }

func (d *dirSource) closeFile() {
	if d.file != nil {
		d.file.Close() // only read from
		d.file = nil
	}
}

func (d *dirSource) Close() error {
	d.closeFile()
	return nil
}
