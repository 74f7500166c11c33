package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"offlinestore/blob"
)

// Files reads the files of a data folder that a backup holds: all except PostgreSQL's, blobs, locks and half-written files. It
// refuses an entry that is no regular file, since a restore would lack it.
func Files(dir string) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var out []File
	var size int64
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case isApart(e.Name()) && !strings.Contains(name, "/"), isPassing(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		f, err := readFile(root, name)
		if err != nil {
			return err
		}
		if size += f.Size; size > maxFilesSize || len(out) == maxFiles {
			return fmt.Errorf("%s has more than %d files, or %d MiB, besides its blobs", dir, maxFiles, maxFilesSize>>20)
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the data folder: %w", err)
	}
	return out, nil
}

// isPassing reports whether a file is temporary or belongs to running processes: locks, sockets' folders, other backups.
func isPassing(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".lock") || strings.Contains(name, ".new-") || path.Ext(name) == Ext || name == "lost+found"
}

// Ext is the ending of a backup's name.
const Ext = ".age"

func readFile(root *os.Root, name string) (File, error) {
	if err := validatePath(name); err != nil {
		return File{}, err
	}
	f, err := root.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("%s is no file", name)
	}
	data, err := blob.ReadAll(f, MaxFile)
	if _, ok := err.(*blob.SizeError); ok {
		err = errors.New("larger than anything that belongs here: move it out of the data folder")
	}
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	return File{Path: name, Mode: info.Mode().Perm(), Sum: Sum{Size: int64(len(data))}, Data: data}, nil
}
