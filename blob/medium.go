package blob

import "errors"

// ErrNoMedium reports a system on which a program cannot read past the cache.
var ErrNoMedium = errors.New("this system has no way to read past its cache")

// Medium makes the system forget the files that are about to be read, so that their bytes come from the disk. It counts the results for an
// operator.
type Medium struct {
	// Files counts the files, and Bytes their sizes.
	Files int
	Bytes int64
	// Cached counts the bytes that the system has kept in memory nevertheless.
	Cached int64
	// Unknown counts the files about which the system does not tell.
	Unknown int
}
