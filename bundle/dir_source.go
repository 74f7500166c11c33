package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// dirSource reads a layout in a directory, or a folder for inspection. It passes over foreign files.
type dirSource struct {
	root *os.Root
	// folder has the head: "" in a layout.
	folder string
	// files places the payload of a folder for inspection, once the head was read.
	files  *fileTree
	file   *os.File
	opened map[string]bool
	medium *blob.Medium // or nil
}

func newDirSource(root *os.Root, medium *blob.Medium) (*dirSource, error) {
	d := &dirSource{root: root, opened: make(map[string]bool), medium: medium}
	_, err := root.Lstat(layoutFile)
	if errors.Is(err, fs.ErrNotExist) {
		d.folder = headFolder
		_, err = root.Lstat(headFolder + layoutFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no %s in it: %w", layoutFile, ErrNotBundle)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// path returns the path of a file of the layout.
func (d *dirSource) path(name string) string {
	if d.files != nil && d.files.paths[name] != "" {
		return d.files.paths[name]
	}
	return d.folder + name
}

func (d *dirSource) openFile(name string, size, max int64) (io.Reader, int64, error) {
	return d.openPath(d.path(name), size, max)
}

// openPath opens a file under its path in the directory.
func (d *dirSource) openPath(name string, size, max int64) (io.Reader, int64, error) {
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
	if d.medium != nil {
		if err := d.medium.Drop(d.file); err != nil {
			return nil, 0, err
		}
	}
	d.opened[name] = true
	return io.LimitReader(d.file, info.Size()), info.Size(), nil
}

// parents returns the folders above a path.
func parents(name string) (out []string) {
	for i, c := range name {
		if c == '/' {
			out = append(out, name[:i])
		}
	}
	return out
}

// stat finds a plain file, which must have size bytes, or any for -1.
func (d *dirSource) stat(name string, size int64) (fs.FileInfo, error) {
	for _, folder := range parents(name) {
		if info, err := d.root.Lstat(folder); err == nil && !info.IsDir() {
			return nil, corrupt("%s: no plain folder", folder)
		}
	}
	info, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.gone():
		return nil, fmt.Errorf("%s: %w", name, ErrGone)
	case errors.Is(err, fs.ErrNotExist) && name == d.folder+indexFile:
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
		name := d.path(blobName(desc.Digest))
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
	_, err := d.root.Lstat(d.folder + layoutFile)
	return err != nil
}

// expectEnd refuses files that the bundle does not name. It reads none of them.
func (d *dirSource) expectEnd() error {
	if err := d.readDerived(); err != nil {
		return err
	}
	folders := make(map[string]bool)
	for name := range d.opened {
		for _, folder := range parents(name) {
			folders[folder] = true
		}
	}
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
		case e.IsDir() && folders[path]:
			return nil
		case !d.opened[path]:
			return corrupt("%.200q is extra: the bundle does not name it", path)
		}
		return nil
	})
}

// readDerived compares the small files of a folder for inspection that follow from its head.
func (d *dirSource) readDerived() error {
	if d.files == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(d.files.derived)) {
		want := d.files.derived[name]
		f, _, err := d.openPath(name, int64(len(want)), int64(len(want)))
		if err != nil {
			return err
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(f, got); err != nil {
			return readError(name, err)
		}
		if !bytes.Equal(got, want) {
			return corrupt("%s: it does not follow from the bundle index", name)
		}
	}
	return nil
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
