package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"offlinestore/blob"
)

// unfinishedFile marks a folder whose files this program is writing. Readers pass over its name.
const unfinishedFile = ".store-admin-unfinished"

// IsFolder reports whether a folder is a bundle: a layout, or a folder for inspection.
func IsFolder(dir string) bool {
	for _, name := range []string{layoutFile, headFolder + layoutFile} {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			return true
		}
	}
	return false
}

// ExistsError reports a folder with files that a bundle would have to be written over.
type ExistsError struct {
	Dir string
	// Name is one of the files.
	Name string
}

// Error returns a text with both names.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s exists already, with %.200q in it; a bundle never replaces a file", e.Dir, e.Name)
}

// Unwrap returns fs.ErrExist.
func (e *ExistsError) Unwrap() error { return fs.ErrExist }

// ValidateFolder returns an *ExistsError if no bundle can be written into a folder, which need not exist.
func ValidateFolder(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, unfinishedFile)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !blob.IsForeign(e.Name()) {
			return &ExistsError{dir, e.Name()}
		}
	}
	return err
}

// beginFolder makes, marks and locks a folder. If it is marked already, the run that did so was interrupted: its files that are not planned any
// more are removed. end releases the folder, and removes the mark if the bundle is complete.
func beginFolder(ctx context.Context, dir string, planned map[string]bool) (end func(error) error, err error) {
	if err := ValidateFolder(dir); err != nil {
		return nil, err
	}
	if err := blob.MakeDir(dir, 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, blob.ErrBusy)
	defer cancel()
	mark := filepath.Join(dir, unfinishedFile)
	unlock, err := blob.Lock(ctx, mark)
	if err != nil {
		return nil, err
	}
	end = func(err error) error {
		if err == nil {
			err = errors.Join(os.Remove(mark), blob.SyncDir(dir))
		}
		return errors.Join(err, unlock())
	}
	blob.RemoveAbandoned(dir)
	// index.json is removed first, so that no reader takes the folder for a complete bundle.
	err = errors.Join(blob.SyncDir(dir), removeFile(filepath.Join(dir, headFolder, indexFile)), removeFile(filepath.Join(dir, indexFile)), removeUnplanned(dir, planned))
	if err != nil {
		return nil, end(err)
	}
	return end, nil
}

// lockTimeout bounds the wait for another run that writes into the same folder.
const lockTimeout = time.Second

// removeUnplanned removes the files of an interrupted run. It refuses files outside of the folders of bundles, which somebody else has put
// there.
func removeUnplanned(dir string, planned map[string]bool) error {
	ours := []string{headFolder, snapsFolder, charmsFolder, resourceFolder, imagesFolder, "blobs/"}
	tops := []string{sumsFile, layoutFile, indexFile}
	var folders []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		isOurs := slices.Contains(tops, name) || slices.ContainsFunc(ours, func(f string) bool { return strings.HasPrefix(name+"/", f) })
		switch {
		case !isOurs && blob.IsForeign(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !isOurs:
			return &ExistsError{dir, name}
		case e.IsDir():
			folders = append(folders, path)
			return nil
		case planned[name]:
			return nil
		}
		return os.Remove(path)
	})
	for _, path := range slices.Backward(folders) {
		blob.RemoveEmpty(path)
	}
	return err
}
