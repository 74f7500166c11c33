//go:build !linux && !windows && !darwin

package blob

import "math"

// maxFileSize returns the largest size of a file in bytes on dir's file system. On this system, the limit is unknown.
func maxFileSize(string) (size int64, fileSystem string) { return math.MaxInt64, "" }
