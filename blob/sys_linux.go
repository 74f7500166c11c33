package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate gives the file its size and its blocks, in as few pieces as there can be. Where the file system cannot, nothing
// happens: the caller has looked at the free space already.
func preallocate(f *os.File, size int64) error {
	for range 10 { // tmpfs starts again after every signal, and the Go runtime sends some: don't try for ever
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == nil, errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		case !errors.Is(err, unix.EINTR):
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
	return nil
}

// startWriteBack has the disk begin with a range. It is advice: whether the data is on the disk is asked by syncData.
func startWriteBack(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// syncData leaves out the file's times, which nobody waits for.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

// dropCache lets go of the memory that holds a file which is on the disk. It is advice.
func dropCache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
