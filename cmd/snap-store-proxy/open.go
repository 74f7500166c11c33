package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// options returns the options with which every command opens a store.
func options() instance.Options {
	return instance.Options{Logf: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "snap-store-proxy: "+format+"\n", args...)
	}}
}

// withInstance opens the store, calls fn and closes the store again.
func withInstance(ctx context.Context, dir *instance.Dir, fn func(*instance.Instance) error) error {
	in, err := dir.Open(ctx, options())
	if err != nil {
		return err
	}
	return errors.Join(fn(in), in.Close())
}

// withExisting calls fn for a command that only reads, and makes nothing if there is no store.
func withExisting(ctx context.Context, dir *instance.Dir, fn func(*instance.Instance) error) error {
	o := options()
	o.Existing = true
	in, err := dir.Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(in), in.Close())
}

// withTrail calls fn with the open store, whose trail has all acts that waited for the database.
func withTrail(ctx context.Context, dir *instance.Dir, fn func(*instance.Instance) error) error {
	return withExisting(ctx, dir, func(in *instance.Instance) error {
		if err := in.Dir.TakeWaiting(ctx, in.Catalog.Trail()); err != nil {
			return err
		}
		return fn(in)
	})
}

// withSnapshot calls fn with the open store and the whole catalogue. It is for commands that only read.
func withSnapshot(ctx context.Context, dir *instance.Dir, fn func(*instance.Instance, *catalog.Snapshot) error) error {
	return withExisting(ctx, dir, func(in *instance.Instance) error {
		cat, err := in.Catalog.LoadSnapshot(ctx)
		if err != nil {
			return err
		}
		return fn(in, cat)
	})
}

// progress shows the progress of a long step. It is an instance.Progress.
func progress(step string, total int64) (add func(int64), done func()) {
	p := cli.NewProgress(step, total)
	return p.Add, p.Done
}
