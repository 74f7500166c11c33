package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"offlinestore/blob"
)

// errBusy reports that another export writes into the same layout.
var errBusy = errors.New("another export is writing there")

// lockLayout keeps two exports from removing each other's blobs.
func lockLayout(ctx context.Context, dir string) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, errBusy)
	defer cancel()
	return blob.LockTemporary(ctx, filepath.Join(dir, ".export.lock"))
}
