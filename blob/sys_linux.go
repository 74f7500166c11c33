package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate gives the file its size and its blocks, in as few pieces as possible. It does nothing where the file system can't
// preallocate: the caller has already compared the free space.
func preallocate(f *os.File, size int64) error {
	for range 10 { // tmpfs starts again after every signal, and the Go runtime sends some, so limit the attempts
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

// startWriteBack tells the disk to begin writing a range. It is only advice: syncData makes sure that the data is on the disk.
func startWriteBack(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// finishWriteBack waits until the disk has a range, and releases the memory that caches it. A failing disk reports its error only once, so
// it must not be lost here.
func finishWriteBack(f *os.File, off, n int64) error {
	const wait = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	switch err := unix.SyncFileRange(int(f.Fd()), off, n, wait); {
	case errors.Is(err, unix.EIO), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return &os.PathError{Op: "sync_file_range", Path: f.Name(), Err: err}
	case err != nil:
		return nil // syncData does the work
	}
	releaseCache(f, off, n)
	return nil
}

// syncData syncs the content without the file's times, which no caller needs.
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

// dropCache releases the memory that caches a file on the disk. It is only advice.
func dropCache(f *os.File) { releaseCache(f, 0, 0) }

// releaseCache releases the memory of n bytes from off on, or of everything from there if n is 0.
func releaseCache(f *os.File, off, n int64) {
	_ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED)
}
