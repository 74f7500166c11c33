package blob

import (
	"math"
	"strings"
)

// limitOf returns the largest size of a file in bytes on a file system, from the name that Windows, macOS or Linux has for it, and the
// name by which users know the file system. The name is empty for file systems without a limit.
func limitOf(name string) (size int64, fileSystem string) {
	switch strings.ToLower(name) {
	case "fat", "fat12", "fat16", "fat32", "msdos", "vfat":
		return math.MaxUint32, "FAT32"
	}
	return math.MaxInt64, ""
}
