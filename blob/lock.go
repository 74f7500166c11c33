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

// MakeDir makes a folder and its missing parents, with a mode that does not depend on the umask. An existing folder keeps its
// mode.
func MakeDir(path string, mode fs.FileMode) error { return makeDir(path, mode) }
