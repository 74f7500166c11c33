// Package install writes offline-snap-store.tar.gz: what a host without internet needs to become a store.
package install

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Folder is the folder that everything in the archive is in.
const Folder = "offline-snap-store"

//go:embed files
var embedded embed.FS

// ErrName means that a file can't have that name in the archive.
var ErrName = errors.New("not a name that a file of the installer can have")

// File is a file of the archive.
type File struct {
	// Name is its path below Folder.
	Name string
	Mode fs.FileMode
	// Path is the file that it is a copy of. If empty, it has Content.
	Path    string
	Content []byte
	// Packed says that it is compressed already, so that trying again would be a waste of time.
	Packed bool
}

// Write writes the archive: install.sh and the systemd units, and the given files. The same files at the same time make the same
// bytes, whatever their order.
func Write(w io.Writer, files []File, at time.Time) error {
	all := append(own(), files...)
	slices.SortStableFunc(all, compare)
	for i, f := range all {
		if err := validateFileName(f.Name); err != nil {
			return err
		}
		if i > 0 && slices.ContainsFunc(all[:i], func(g File) bool { return g.Name == f.Name }) {
			return fmt.Errorf("%q: %w: it is there twice", f.Name, ErrName)
		}
	}
	if err := write(w, all, at.UTC().Truncate(time.Second)); err != nil {
		return fmt.Errorf("write the installer: %w", err)
	}
	return nil
}

// compare puts what is packed at the end: the rest is one member of the gzip file, this another one.
func compare(a, b File) int {
	if a.Packed != b.Packed {
		if a.Packed {
			return 1
		}
		return -1
	}
	return strings.Compare(a.Name, b.Name)
}

// own are the files that all installers have.
func own() []File {
	var out []File
	for _, name := range []string{"install.sh", "snap-store-proxy.service", "snap-store-proxy-ready.service", "snap-store-proxy-ready.path"} {
		text, err := embedded.ReadFile("files/" + name)
		if err != nil {
			panic("install: compiled-in file: " + err.Error())
		}
		f := File{Name: "systemd/" + name, Mode: 0o644, Content: text}
		if name == "install.sh" {
			f.Name, f.Mode = name, 0o755
		}
		out = append(out, f)
	}
	return out
}

// validName keeps out what a shell could take for something else.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~=@-]{0,200}$`)

func validateFileName(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !validName.MatchString(part) {
			return fmt.Errorf("%.200q: %w", name, ErrName)
		}
	}
	return nil
}

func write(w io.Writer, files []File, at time.Time) error {
	folders := map[string]bool{}
	packed := false
	z, t, err := begin(w, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Packed && !packed {
			packed = true
			// tar goes on across the two members; readers of gzip see one stream.
			if err := errors.Join(t.Flush(), z.Close()); err != nil {
				return err
			}
			if z, t, err = begin(w, gzip.NoCompression); err != nil {
				return err
			}
		}
		if err := writeFolders(t, f.Name, folders, at); err != nil {
			return err
		}
		if err := writeFile(t, f, at); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func begin(w io.Writer, level int) (*gzip.Writer, *tar.Writer, error) {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return nil, nil, err
	}
	return z, tar.NewWriter(z), nil
}

// writeFolders writes the folders that a file is in, so that they are made with the usual rights.
func writeFolders(t *tar.Writer, name string, done map[string]bool, at time.Time) error {
	parts := strings.Split(path.Join(Folder, name), "/")
	for i := 1; i < len(parts); i++ {
		dir := path.Join(parts[:i]...) + "/"
		if done[dir] {
			continue
		}
		done[dir] = true
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: at, Format: tar.FormatGNU}); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(t *tar.Writer, f File, at time.Time) error {
	var r io.Reader = bytes.NewReader(f.Content)
	size := int64(len(f.Content))
	if f.Path != "" {
		file, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no file", f.Path)
		}
		r, size = file, info.Size()
	}
	// GNU tar's own format has no limit of 8 GiB for a bundle.
	h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(Folder, f.Name), Mode: int64(f.Mode.Perm()), Size: size, ModTime: at, Format: tar.FormatGNU}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	// A file that shrinks or grows meanwhile is an error of tar's.
	if _, err := io.Copy(t, r); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil
}
