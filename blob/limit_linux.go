package blob

import (
	"math"

	"golang.org/x/sys/unix"
)

// MaxFileSize is the size in bytes at which files on dir's file system end, and the name of that system where it is one
// that people meet on USB disks.
func MaxFileSize(dir string) (size int64, fileSystem string) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err == nil && st.Type == unix.MSDOS_SUPER_MAGIC {
		return math.MaxUint32, "FAT32"
	}
	return math.MaxInt64, ""
}
