package blob

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// renameOpenFiles reports that files can't be renamed, replaced or removed while they are open.
const renameOpenFiles = false

// NonBlocking is a flag for opening files. This system has no named pipes among its files.
const NonBlocking = 0

// openNoFollow looks for a link before it opens the file. Only administrators may make links on this system, so the race between
// the two does not matter.
func openNoFollow(path string, flag int) (*os.File, error) {
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.OpenFile(path, flag, 0o600)
}

// lockOffset is beyond the end of any file, since a lock on this system keeps others from reading the locked range.
const lockOffset = 0x7fffffff

func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
}

func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
}

// SyncDir does nothing on this system: names are as durable as the file system makes them.
func SyncDir(string) error { return nil }

func isNoSpace(err error) bool {
	return isENOSPC(err) || errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Free returns the number of bytes that the file system of dir can still hold.
func Free(dir string) (int64, error) {
	free, _, err := space(dir)
	return free, err
}

// space returns the number of bytes that the file system of dir can still hold, and its size.
func space(dir string) (free, size int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, &os.PathError{Op: "free space", Path: dir, Err: err}
	}
	var available, total uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, &total, nil); err != nil {
		return 0, 0, &os.PathError{Op: "free space", Path: dir, Err: err}
	}
	return int64(min(available, 1<<62)), int64(min(total, 1<<62)), nil
}
