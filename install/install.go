// Package install writes offline-snap-store.tar.gz, the archive that turns a host without internet into a store.
package install

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"offlinestore/blob"
	"offlinestore/docs"
)

// Folder is the only top folder in the archive.
const Folder = "offline-snap-store"

//go:embed files
var embedded embed.FS

// ErrName means that a file can't have its name in the archive.
var ErrName = errors.New("not a name that a file of the installer can have")

// File is a file of the archive.
type File struct {
	// Name is its path below Folder.
	Name string
	Mode fs.FileMode
	// Path is the file to copy. If it is empty, Content is the content.
	Path    string
	Content []byte
	// Packed marks a file that is compressed already. Compressing it again would waste time.
	Packed bool
}

// Write writes the archive: install.sh and uninstall.sh, the systemd units, the files for monitoring and the given files. The same files at the same time make the same bytes,
// in any order.
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

// compare orders packed files last: they are in the second member of the gzip file, and the others are in the first.
func compare(a, b File) int {
	if a.Packed != b.Packed {
		if a.Packed {
			return 1
		}
		return -1
	}
	return strings.Compare(a.Name, b.Name)
}

// own returns the files that every installer has.
func own() []File {
	var out []File
	for _, name := range []string{"install.sh", "uninstall.sh", "snap-store-proxy.service", "snap-store-proxy-ready.service", "snap-store-proxy-ready.path"} {
		text, err := embedded.ReadFile("files/" + name)
		if err != nil {
			panic("install: compiled-in file: " + err.Error())
		}
		f := File{Name: "systemd/" + name, Mode: 0o644, Content: text}
		if path.Ext(name) == ".sh" {
			f.Name, f.Mode = name, 0o755
		}
		out = append(out, f)
	}
	for _, name := range []string{"alerts.yaml", "grafana.json"} {
		text, err := fs.ReadFile(docs.Files(), name)
		if err != nil {
			panic("install: compiled-in file: " + err.Error())
		}
		out = append(out, File{Name: "monitoring/" + name, Mode: 0o644, Content: text})
	}
	return out
}

// validName excludes characters with a meaning in a shell.
var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~=@-]{0,200}$`) })

func validateFileName(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !validName().MatchString(part) {
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
			// The tar continues across the two members; readers of gzip see one stream.
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

// writeFolders writes the folders above a file, so that they get the usual rights.
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
		file, err := blob.OpenRegular(f.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		r, size = file, info.Size()
	}
	// GNU tar's own format allows bundles of more than 8 GiB.
	h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(Folder, f.Name), Mode: int64(f.Mode.Perm()), Size: size, ModTime: at, Format: tar.FormatGNU}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	// If a file shrinks or grows meanwhile, tar returns an error.
	if _, err := io.Copy(t, r); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil
}
