//go:build unix

package blob

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// isHeld reports false: an open file can be renamed, replaced and removed on this system.
func isHeld(error) bool { return false }

// isGone reports whether a file does not exist.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// NonBlocking is a flag for opening files. A file of another kind then does not wait for its other end.
const NonBlocking = unix.O_NONBLOCK

// openFile opens a file. Others may rename and remove it meanwhile.
func openFile(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// createFile makes a file, which only its owner has until its mode is set.
func createFile(path string, _ fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// openNoFollow opens a file. It refuses links, and does not wait for the other end of a pipe.
func openNoFollow(path string, flag int) (*os.File, error) {
	return openFile(path, flag|unix.O_NOFOLLOW|NonBlocking)
}

func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// unlock releases a lock. It comes before closing the file, because a child between its fork and its exec still has the file, and
// the lock with it.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// SyncDir writes the names in a folder to the disk.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func isNoSpace(err error) bool { return isENOSPC(err) || errors.Is(err, unix.EDQUOT) }

// Free returns the number of bytes that the file system of dir can still hold.
func Free(dir string) (int64, error) {
	free, _, err := space(dir)
	return free, err
}

// space returns the number of bytes that the file system of dir can still hold, and its size.
func space(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}
