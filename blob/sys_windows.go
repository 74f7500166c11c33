package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isHeld reports whether an operation failed because another program has the file open. The system calls this a lack of permission for
// the target of a rename, and for a file that is gone as soon as the last program closes it.
func isHeld(err error) bool {
	for _, held := range []error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_ACCESS_DENIED,
		windows.ERROR_DELETE_PENDING, windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DIR_NOT_EMPTY} {
		if errors.Is(err, held) {
			return true
		}
	}
	return false
}

// isGone reports whether a file does not exist, or was removed while others have it open.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_DELETE_PENDING)
}

// openFile opens a file. Others may rename and remove it meanwhile, which [os.OpenFile] forbids on this system. It waits for programs that
// let nobody else read the file.
func openFile(path string, flag int) (*os.File, error) {
	access, create := uint32(windows.GENERIC_READ), uint32(windows.OPEN_EXISTING)
	if flag&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	if flag&os.O_CREATE != 0 {
		create = windows.OPEN_ALWAYS
	}
	return open(path, access, create, nil)
}

// createFile makes a file. If the mode is for the owner alone, the file gets an access control list of its own, because the list of its
// folder may let others read it. Some file systems of USB sticks have no such lists.
func createFile(path string, mode fs.FileMode) (*os.File, error) {
	var security *windows.SecurityAttributes
	if mode.Perm()&0o077 == 0 {
		security = ownerOnly()
	}
	return open(path, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.CREATE_NEW, security)
}

// ownerOnly lets only this user, the system and the administrators of this computer have a file. It returns nil if the user is unknown.
func ownerOnly() *windows.SecurityAttributes {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;" + user.User.Sid.String() + ")(A;;FA;;;SY)(A;;FA;;;BA)")
	if err != nil {
		return nil
	}
	return &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
}

func open(path string, access, create uint32, security *windows.SecurityAttributes) (f *os.File, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	// BACKUP_SEMANTICS opens folders, too: the callers name them in their errors.
	const attributes = windows.FILE_ATTRIBUTE_NORMAL | windows.FILE_FLAG_BACKUP_SEMANTICS
	err = retry(func() error {
		h, err := windows.CreateFile(name, access, share, security, create, attributes, 0)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return &os.PathError{Op: "open", Path: path, Err: fs.ErrPermission} // waiting does not help
		}
		if err != nil {
			return &os.PathError{Op: "open", Path: path, Err: err}
		}
		f = os.NewFile(uintptr(h), path)
		return nil
	})
	return f, err
}

// NonBlocking is a flag for opening files. This system has no named pipes among its files.
const NonBlocking = 0

// openNoFollow looks for a link before it opens the file. Only administrators may make links on this system, so the race between
// the two does not matter.
func openNoFollow(path string, flag int) (*os.File, error) {
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return openFile(path, flag)
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
