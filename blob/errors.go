package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrNotFound reports a blob that the directory does not hold. Errors about this wrap it. errors.Is also matches it with
	// [fs.ErrNotExist].
	ErrNotFound error = notFoundError{}
	// ErrBusy reports a partial download that another process, or another part of this one, is writing. Errors about this wrap
	// it.
	ErrBusy = errors.New("in use by another process")
	// ErrTrailingData reports content that is longer than its size. Errors about this wrap it.
	ErrTrailingData = errors.New("more data than its size")
	// ErrWrongDigest reports content of the right size with another digest. Errors about this wrap it.
	ErrWrongDigest = errors.New("wrong content")
)

// ErrIntact reports a blob that has its digest when it is read once more. Errors about this wrap it.
var ErrIntact = errors.New("it reads right the second time")

// UnavailableError reports a storage that does not answer, or that refuses. It tells nothing about a blob.
type UnavailableError struct {
	Storage string
	Err     error
}

// Error names the storage.
func (e *UnavailableError) Error() string { return e.Storage + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *UnavailableError) Unwrap() error { return e.Err }

type notFoundError struct{}

func (notFoundError) Error() string { return "no such blob" }

func (notFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// CorruptError reports content that does not match its digest. Err is [io.ErrUnexpectedEOF], [ErrTrailingData] or
// [ErrWrongDigest]. Got is set only in the last case, and Path only if the content is a file of the directory.
type CorruptError struct {
	Digest, Got Digest
	Path        string
	Err         error
}

// Error returns a text with the digest, and with the file if there is one.
func (e *CorruptError) Error() string {
	name := "blob " + string(e.Digest)
	if e.Path != "" {
		name += " in " + e.Path
	}
	if e.Got != "" {
		return fmt.Sprintf("%s: %v, its digest is %s", name, e.Err, e.Got)
	}
	return fmt.Sprintf("%s: %v", name, e.Err)
}

// Unwrap returns the kind of damage.
func (e *CorruptError) Unwrap() error { return e.Err }

// UnnamedError reports a complete file that could not get its name.
type UnnamedError struct {
	Path string // the name that it should have
	Left string // the name under which it lies
	Err  error
}

// Error returns a text with both names.
func (e *UnnamedError) Error() string {
	return fmt.Sprintf("rename the complete file %s to %s: %v", e.Left, e.Path, e.Err)
}

// Unwrap returns the error of the rename.
func (e *UnnamedError) Unwrap() error { return e.Err }

// FileSizeError reports a file that is larger than its file system allows. errors.Is matches it with [syscall.EFBIG].
type FileSizeError struct {
	Name string // of the file
	Dir  string
	// FileSystem is the name of the file system, and Max its limit in bytes. They are empty if only a write has told of the limit.
	FileSystem string
	Size, Max  int64
}

// Error returns a text with the file, its folder and the limit.
func (e *FileSizeError) Error() string {
	if e.FileSystem == "" {
		return fmt.Sprintf("%s: the file system of %s holds no files of more than %d bytes", e.Name, e.Dir, e.Size)
	}
	return fmt.Sprintf("%s would have %d bytes, and files on %s (%s) end at %d", e.Name, e.Size, e.Dir, e.FileSystem, e.Max)
}

// Unwrap returns syscall.EFBIG, no matter how the limit was detected.
func (e *FileSizeError) Unwrap() error { return syscall.EFBIG }

// CheckFileSize returns a *[FileSizeError] if the file system of dir holds no file of size bytes, as far as it tells.
func CheckFileSize(dir, name string, size int64) error {
	max, fileSystem := maxFileSize(dir)
	return fitFile(dir, name, size, max, fileSystem)
}

func fitFile(dir, name string, size, max int64, fileSystem string) error {
	if size <= max {
		return nil
	}
	return &FileSizeError{name, dir, fileSystem, size, max}
}

// NoSpaceError reports that the file system cannot hold a blob. errors.Is matches it with [syscall.ENOSPC].
type NoSpaceError struct {
	Path       string // a folder of the file system
	Need, Have int64  // in bytes; Have is negative if it is unknown
}

// Error returns a text with the file system and both figures.
func (e *NoSpaceError) Error() string {
	if e.Have < 0 || e.Have >= e.Need {
		return fmt.Sprintf("no space for %d bytes in %s", e.Need, e.Path)
	}
	return fmt.Sprintf("no space for %d bytes in %s: %d are free", e.Need, e.Path, e.Have)
}

// Unwrap returns syscall.ENOSPC, no matter how the lack of space was detected.
func (e *NoSpaceError) Unwrap() error { return syscall.ENOSPC }
