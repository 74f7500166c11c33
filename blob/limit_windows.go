package blob

import (
	"math"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// maxFileSize returns the largest size of a file in bytes on dir's file system. It also returns the name of file systems that are
// common on USB disks, otherwise "".
func maxFileSize(dir string) (size int64, fileSystem string) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return math.MaxInt64, ""
	}
	var root [windows.MAX_LONG_PATH]uint16
	if err := windows.GetVolumePathName(path, &root[0], uint32(len(root))); err != nil {
		return math.MaxInt64, ""
	}
	var name [windows.MAX_PATH + 1]uint16
	if err := windows.GetVolumeInformation(&root[0], nil, 0, nil, nil, nil, &name[0], uint32(len(name))); err != nil {
		return math.MaxInt64, ""
	}
	return limitOf(windows.UTF16ToString(name[:]))
}
