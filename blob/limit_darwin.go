package blob

import (
	"math"

	"golang.org/x/sys/unix"
)

// maxFileSize returns the largest size of a file in bytes on dir's file system. It also returns the name of file systems that are
// common on USB disks, otherwise "".
func maxFileSize(dir string) (size int64, fileSystem string) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return math.MaxInt64, ""
	}
	return limitOf(unix.ByteSliceToString(st.Fstypename[:]))
}
