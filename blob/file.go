package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// WriteOptions are the options of WriteFile.
type WriteOptions struct {
	// Mode does not depend on the umask.
	Mode fs.FileMode
	// NoReplace makes WriteFile return an fs.ErrExist if the file exists.
	NoReplace bool
	// Crowded reports that the folder holds so many files that WriteFile should not look for abandoned ones.
	Crowded bool
	// Unsynced reports that the file may be lost, or damaged, if the power fails soon. Its reader has to notice.
	Unsynced bool
}

// WriteFile writes a small file atomically: readers see the old content or the new one. It does so durably unless o is Unsynced. It first
// removes the abandoned files in the folder.
func WriteFile(path string, data []byte, o WriteOptions) error {
	if !o.Crowded {
		RemoveAbandoned(filepath.Dir(path))
	}
	f, err := createTemp(path, o.Mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	f.replace, f.unsynced = !o.NoReplace, o.Unsynced
	return f.Commit()
}

// File is a large file that appears under its name only when it is complete and on the disk.
type File struct {
	f          *os.File
	path       string
	replace    bool
	keep       bool // keeps the complete file if its name fails
	unsynced   bool
	written    int64
	writtenOff int64
	done       bool // finished, discarded or failed
	named      bool
}

// CreateFile begins a file with a size in bytes, or 0 if the size is unknown. The error is a *[NoSpaceError] if there is not
// enough space. If the file exists already, CreateFile or Commit returns an fs.ErrExist. CreateFile does not call [RemoveAbandoned], because
// an abandoned file in the folder may be a complete one that the same run has told of.
func CreateFile(path string, size int64, mode fs.FileMode) (*File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	if err := CheckFileSize(filepath.Dir(path), filepath.Base(path), size); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	if free, err := Free(filepath.Dir(path)); err == nil && free < size {
		return nil, fmt.Errorf("create %s: %w", path, &NoSpaceError{filepath.Dir(path), size, free})
	}
	f, err := createTemp(path, mode)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	f.keep = true
	if size > 0 {
		if err := preallocate(f.f, size); err != nil {
			f.Discard()
			return nil, f.error("create", size, err)
		}
	}
	return f, nil
}

func createTemp(path string, mode fs.FileMode) (*File, error) {
	f, err := lockTemp(path, mode)
	if err != nil {
		return nil, err
	}
	if err := setMode(f, mode); err != nil {
		return nil, errors.Join(err, removeOpen(f))
	}
	return &File{f: f, path: path}, nil
}

// Write implements [io.Writer]. Blocks of up to 256 KiB reach the disk soonest.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	f.written += int64(n)
	if err != nil {
		return n, f.error("write", f.written+int64(len(p)-n), err)
	}
	if f.written-f.writtenOff >= writeBackSize {
		startWriteBack(f.f, f.writtenOff, f.written-f.writtenOff)
		f.writtenOff = f.written
	}
	return n, nil
}

// Size returns the number of bytes written.
func (f *File) Size() int64 { return f.written }

// Commit renames the file to its name, durably. If only the name fails, the complete file stays under another one: the error is then an
// *[UnnamedError].
func (f *File) Commit() error {
	if err := f.finish(); err != nil {
		return err
	}
	if err := f.name(); err != nil || f.unsynced {
		return err
	}
	if err := SyncDir(filepath.Dir(f.path)); err != nil {
		return f.error("commit", f.written, err)
	}
	return nil
}

// CommitFiles commits several files at the price of one: each content is on the disk before the first file gets its name, and each folder is
// synced once. After an error, the files that have no name yet are removed.
func CommitFiles(files ...*File) error {
	var syncs errgroup.Group
	syncs.SetLimit(syncWorkers)
	for _, f := range files {
		syncs.Go(f.finish)
	}
	err := syncs.Wait()
	folders := make(map[string]bool)
	for _, f := range files {
		if err != nil {
			f.drop()
			continue
		}
		err = f.name()
		folders[filepath.Dir(f.path)] = true
	}
	for dir := range folders {
		err = errors.Join(err, SyncDir(dir))
	}
	return err
}

// finish writes the content to the disk. It removes the file if that fails.
func (f *File) finish() error {
	if f.done {
		return f.error("commit", f.written, os.ErrClosed)
	}
	f.done = true
	err := f.f.Truncate(f.written) // removes the unused part of the preallocation
	if err == nil && !f.unsynced {
		err = syncData(f.f)
	}
	if err != nil {
		f.drop()
		return f.error("commit", f.written, err)
	}
	return nil
}

// name gives a finished file its name.
func (f *File) name() error {
	f.named = true
	if err := closeAfter(f.f, f.rename); err != nil {
		if f.keep {
			return &UnnamedError{f.path, f.f.Name(), err}
		}
		remove(f.f.Name()) // the first error tells more
		return f.error("commit", f.written, err)
	}
	if !f.replace {
		remove(f.f.Name()) // a link that failed to be removed takes no space
	}
	return nil
}

// drop removes a file that has no name yet, finished or not.
func (f *File) drop() {
	if f.named {
		return
	}
	f.done, f.named = true, true
	removeOpen(f.f) // the error before tells more
}

// rename gives the file its name. It prefers a link, which can't replace a file as a rename would. Not every file system has
// links.
func (f *File) rename() error {
	if f.replace {
		return os.Rename(f.f.Name(), f.path)
	}
	if err := os.Link(f.f.Name(), f.path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(f.path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(f.f.Name(), f.path)
}

// Discard removes the unfinished file. It does nothing after Commit.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	return removeOpen(f.f)
}

// error returns the error of an operation on a file that needs some bytes at least.
func (f *File) error(doing string, need int64, err error) error {
	if isNoSpace(err) {
		free, ferr := Free(filepath.Dir(f.path))
		if ferr != nil {
			free = -1
		}
		err = &NoSpaceError{filepath.Dir(f.path), need, free}
	}
	if errors.Is(err, syscall.EFBIG) {
		err = &FileSizeError{Name: filepath.Base(f.path), Dir: filepath.Dir(f.path), Size: f.written}
	}
	return fmt.Errorf("%s %s: %w", doing, f.path, err)
}
