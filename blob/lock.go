package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockPoll is the time between two attempts of Lock.
const lockPoll = 10 * time.Millisecond

// Lock waits until this process alone has the lock of the file path, and returns a function that releases it. The lock also ends
// with the process, even after a crash. The file stays.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	f, err := lockFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f.Close, nil
}

// LockTemporary locks a file as [Lock] does, and unlock removes it.
func LockTemporary(ctx context.Context, path string) (unlock func() error, err error) {
	f, err := lockFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() error { return removeOpen(f) }, nil
}

// lockFile opens and locks a file. It begins again if another process has removed the file meanwhile.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, err
		}
		ok, err := lockNamed(f)
		if ok {
			return f, nil
		}
		if f.Close(); err != nil {
			return nil, err
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// openLock opens or makes a file. While others have a removed file open, Windows lets nobody open or make one of its name, and calls this a
// lack of permission.
func openLock(path string) (*os.File, error) {
	for end := time.Now().Add(patience); ; time.Sleep(lockPoll) {
		f, err := openNoFollow(path, os.O_RDWR|os.O_CREATE)
		isGoing := isGone(err) && !errors.Is(err, fs.ErrNotExist)
		if !isGoing || time.Now().After(end) {
			return f, err
		}
	}
}

// MakeDir makes a folder and its missing parents, with a mode that does not depend on the umask. An existing folder keeps its
// mode.
func MakeDir(path string, mode fs.FileMode) error { return makeDir(path, mode) }
