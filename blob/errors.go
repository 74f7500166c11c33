package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrNotFound is in the chain of the error for a blob that the directory does not hold. It is [fs.ErrNotExist] too.
	ErrNotFound error = notFoundError{}
	// ErrBusy is in the chain of the error for a partial download that another process, or another part of this one, writes.
	ErrBusy = errors.New("in use by another process")
	// ErrTrailingData is in the chain of the error for content that goes on after its size.
	ErrTrailingData = errors.New("more data than its size")
	// ErrWrongDigest is in the chain of the error for content of the right size that has another digest.
	ErrWrongDigest = errors.New("wrong content")
)

type notFoundError struct{}

func (notFoundError) Error() string { return "no such blob" }

func (notFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// CorruptError says that content is not that of its digest. Err is [io.ErrUnexpectedEOF], [ErrTrailingData] or
// [ErrWrongDigest]; Got is known only in the last case, and Path only when the content is a file of the directory.
type CorruptError struct {
	Digest, Got Digest
	Path        string
	Err         error
}

// Error names the digest, and the file where there is one.
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

// Unwrap is the kind of damage.
func (e *CorruptError) Unwrap() error { return e.Err }

// NoSpaceError says that the file system cannot take a blob. It is [syscall.ENOSPC] to errors.Is.
type NoSpaceError struct {
	Path       string // a folder of the file system
	Need, Have int64  // in bytes; Have is negative when it is not known
}

// Error names the file system and both figures.
func (e *NoSpaceError) Error() string {
	if e.Have < 0 || e.Have >= e.Need {
		return fmt.Sprintf("no space for %d bytes in %s", e.Need, e.Path)
	}
	return fmt.Sprintf("no space for %d bytes in %s: %d are free", e.Need, e.Path, e.Have)
}

// Unwrap is syscall.ENOSPC, whichever way the lack of space showed.
func (e *NoSpaceError) Unwrap() error { return syscall.ENOSPC }
