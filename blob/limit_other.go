//go:build !linux

package blob

import "math"

// MaxFileSize is the size in bytes at which files on dir's file system end. It is not known here.
func MaxFileSize(string) (size int64, fileSystem string) { return math.MaxInt64, "" }
