package instance

import (
	"context"
	"errors"
	"time"

	"offlinestore/catalog"
)

// The time to wait for another command that changes the store. gc gives up sooner: it is run again by a timer.
const (
	lockPatience   = 30 * time.Second
	gcLockPatience = 5 * time.Second
	lockPoll       = 200 * time.Millisecond
)

// Lock keeps gc out, or everyone when exclusive, until release is called. It waits a moment for another command. The error is
// catalog.ErrBusy if that takes longer. A move of the blobs may have ended meanwhile: then Blobs are in their new place.
func (in *Instance) Lock(ctx context.Context, exclusive bool) (release func(), err error) {
	patience := lockPatience
	if exclusive {
		patience = gcLockPatience
	}
	for began, told := time.Now(), false; ; {
		release, err := in.Catalog.Lock(ctx, exclusive)
		if err == nil {
			if err = in.followStorage(); err != nil {
				release()
				return nil, err
			}
			return release, nil
		}
		if !errors.Is(err, catalog.ErrBusy) || time.Since(began) > patience {
			return nil, err
		}
		if !told {
			in.logf("Another command is changing the store: waiting for it, at most %v.", patience)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
