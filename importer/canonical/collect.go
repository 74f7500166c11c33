package canonical

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/snap"
	"offlinestore/squashfs"
)

// Collection holds snaps, components, assertions and answers of the store in any order, as the files of "snap download" and the snap
// archives of the original store-admin have them. The names of the files mean nothing: each is recognized by its content, and Join
// relates them by SHA3-384.
type Collection struct {
	*Reader
	// Warnings are messages for the operator.
	Warnings []string

	files      []*SnapFile
	assertions assertion.Set
	// own maps each assertion to the ones of the same file.
	own      map[*assertion.Assertion]*assertion.Set
	stated   map[string]statedChannels // by snap-id
	kept     int64
	nested   int
	progress func(int64)
}

// SnapFile is the file of a snap or of a component, which StoreBlob keeps.
type SnapFile struct {
	Name   string
	Digest blob.Digest
	Size   int64
	// SHA3384 is in hex.
	SHA3384 string

	// Either snap or component is set, and read from the file itself.
	snap       *snap.Snap
	component  *snap.Component
	provenance string
}

// The files of a snap that describe it.
const (
	snapYAMLPath      = "meta/snap.yaml"
	componentYAMLPath = "meta/component.yaml"
)

// ErrBundle means that there is a bundle among the files. It has a signature of its own, which must be verified.
var ErrBundle = errors.New("it contains a bundle, which has a signature of its own")

// NewCollection returns an empty collection. It reports each byte that it reads to progress, which may be nil.
func (r *Reader) NewCollection(progress func(int64)) *Collection {
	return &Collection{Reader: r, progress: progress}
}

// ReadArchive adds the files of a tar archive, which may be compressed, and of the archives in it. The file has size bytes, or 0 if that
// is unknown.
func (c *Collection) ReadArchive(ctx context.Context, in io.Reader, size int64) error {
	raw := newSource(ctx, in, size, c.progress)
	return c.readArchive(bufio.NewReaderSize(raw, 256<<10), raw, 0)
}

func (c *Collection) readArchive(in *bufio.Reader, raw *source, depth int) error {
	out, err := unpackAny(in, raw)
	if err != nil {
		return err
	}
	return eachEntry(out, func(h *tar.Header, r io.Reader) error { return c.readEntry(h.Name, h.Size, r, raw, depth) })
}

// ReadFolder adds the files of a folder, and of the archives in it.
func (c *Collection) ReadFolder(ctx context.Context, members []bundle.Member) error {
	for _, m := range members {
		if m.File == nil {
			c.warn("%.100q is passed over: it is neither a file nor a folder in the first level", m.Name)
			continue
		}
		if err := c.ReadFile(ctx, m.Name, m.File, m.Size); err != nil {
			return err
		}
	}
	return nil
}

// ReadFile adds a file of size bytes.
func (c *Collection) ReadFile(ctx context.Context, name string, in io.Reader, size int64) error {
	raw := newSource(ctx, in, size, c.progress)
	return c.readEntry(name, size, raw, raw, 0)
}

// readEntry adds a file according to its first bytes. Archives may be nested once.
func (c *Collection) readEntry(name string, size int64, r io.Reader, raw *source, depth int) error {
	in := bufio.NewReaderSize(r, 64<<10)
	start, err := in.Peek(startSize)
	if err != nil && err != io.EOF {
		return err
	}
	if base := path.Base(name); base == layoutName || base == indexName {
		return ErrBundle
	}
	switch kindOf(start) {
	case squashfsKind:
		_, err = c.addSnap(name, size, in)
	case assertionKind:
		err = c.addAssertions(size, in)
	case jsonKind:
		err = c.addAnswer(name, size, in)
	case archiveKind:
		if c.nested++; depth > 0 || c.nested > maxArchives {
			return formatErrorf("%.100q: more than %d archives, or one in another in another", name, maxArchives)
		}
		err = c.readArchive(in, raw, depth+1)
	default:
		c.warn("%.100q is passed over: it is neither a snap nor an assertion", name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%.100q: %w", name, err)
	}
	return nil
}

// AddSnap adds the file of a snap or component.
func (c *Collection) AddSnap(ctx context.Context, name string, in io.Reader, size int64) (*SnapFile, error) {
	return c.addSnap(name, size, blob.NewMeter(ctx, in, c.progress))
}

// IsEmpty reports whether there are neither snaps nor assertions about snaps.
func (c *Collection) IsEmpty() bool { return len(c.files) == 0 && len(c.assertions.All()) == 0 }

// addSnap stores a snap or a component.
func (c *Collection) addSnap(name string, size int64, r io.Reader) (*SnapFile, error) {
	if len(c.files) >= maxEntries || size > maxFile {
		return nil, formatErrorf("more than %d snaps, or one of more than %d bytes", maxEntries, int64(maxFile))
	}
	f := &SnapFile{Name: name, Size: size}
	sums := blob.NewSums(blob.SHA256 | blob.SHA3384)
	err := c.StoreBlob(io.TeeReader(io.LimitReader(r, size), sums), size, func(content io.ReaderAt) (blob.Digest, error) {
		if sums.Size() != size {
			return "", formatErrorf("it was cut off, or is still being copied")
		}
		f.Digest, f.SHA3384 = sums.Digest(), sums.Hex(blob.SHA3384)
		return f.Digest, f.describe(content)
	})
	if err != nil {
		return nil, err
	}
	c.files = append(c.files, f)
	return f, nil
}

// describe reads the metadata in a snap or component. The digest of the file vouches for it as soon as an assertion vouches for the
// digest.
func (f *SnapFile) describe(content io.ReaderAt) error {
	text, err := squashfs.ReadFile(content, f.Size, snapYAMLPath, snap.MaxYAMLSize)
	if errors.Is(err, fs.ErrNotExist) {
		return f.describeComponent(content)
	}
	if err == nil {
		f.snap, err = snap.Describe(string(text))
	}
	if err == nil {
		var meta *snap.Meta
		if meta, err = snap.ParseYAML(string(text)); err == nil {
			f.provenance = meta.Provenance
		}
	}
	if err != nil {
		return &FormatError{err}
	}
	return nil
}

func (f *SnapFile) describeComponent(content io.ReaderAt) error {
	text, err := squashfs.ReadFile(content, f.Size, componentYAMLPath, snap.MaxYAMLSize)
	if errors.Is(err, fs.ErrNotExist) {
		return formatErrorf("it has neither %s nor %s", snapYAMLPath, componentYAMLPath)
	}
	if err == nil {
		f.component, err = snap.ParseComponentYAML(string(text))
	}
	if err != nil {
		return &FormatError{err}
	}
	f.provenance = f.component.Provenance
	return nil
}

func (c *Collection) warn(format string, args ...any) {
	if len(c.Warnings) < maxWarnings {
		c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
	}
}
