package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockPoll is how often Lock looks whether the lock is free.
const lockPoll = 10 * time.Millisecond

// Lock waits until this process alone has the lock that the file path stands for, and returns what gives it back. The lock
// also goes when the process ends, however it does; the file stays.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	f, err := openNoFollow(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	for {
		ok, err := tryLock(f)
		if ok {
			return f.Close, nil
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, context.Cause(ctx)), f.Close())
		}
	}
}

// MakeDir makes a folder, and those above it that aren't there, with a mode that holds whatever the umask is. A folder that
// is there keeps its mode.
func MakeDir(path string, mode fs.FileMode) error { return makeDir(path, mode) }
