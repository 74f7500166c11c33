package instance

import (
	"context"
	"errors"
	"time"

	"offlinestore/blob"
)

// garbageAge is the age from which gc removes a blob of a failed push. Until then, the push can be tried again without copying.
const garbageAge = 7 * 24 * time.Hour

// GCOptions control a collection of garbage.
type GCOptions struct {
	// All also removes new garbage, and the quarantine.
	All bool
	// DryRun changes nothing.
	DryRun bool
}

// Garbage is the number of blobs that nothing refers to, and their size in bytes.
type Garbage struct {
	Blobs int
	Size  int64
	// Waiting counts the divided bundles that wait for parts, and WaitingSize the bytes of their parts. They stay.
	Waiting     int
	WaitingSize int64
}

// CollectGarbage removes the blobs that nothing refers to, and the remains of killed pushes. Blobs of failed pushes stay for some days. It fails with catalog.ErrBusy while a
// push runs.
func (in *Instance) CollectGarbage(ctx context.Context, o GCOptions) (Garbage, error) {
	before := time.Now()
	if !o.All {
		before = before.Add(-garbageAge)
	}
	release, err := in.Lock(ctx, true)
	if err != nil {
		return Garbage{}, err
	}
	defer release()
	listed, err := in.listGarbage(ctx, before)
	if err != nil {
		return Garbage{}, err
	}
	list, err := in.confirmGarbage(ctx, listed, before)
	if err != nil {
		return Garbage{}, err
	}
	g := Garbage{Blobs: len(list)}
	waiting, err := in.WaitingBundles(ctx)
	if err != nil {
		return g, err
	}
	for _, w := range waiting {
		g.Waiting, g.WaitingSize = g.Waiting+1, g.WaitingSize+w.Bytes
	}
	for _, i := range list {
		g.Size += i.Size
		if o.DryRun {
			continue
		}
		if err := in.Blobs.Remove(ctx, i.Digest); err != nil {
			return g, err
		}
	}
	if o.DryRun {
		return g, nil
	}
	err = in.Blobs.CleanStaging(ctx, before)
	if o.All {
		err = errors.Join(err, in.Blobs.EmptyQuarantine(ctx))
	}
	if err != nil {
		return g, err
	}
	return g, in.Catalog.ForgetBlobs(ctx)
}

// confirmGarbage returns the garbage that is still there, as old as the list says: the list of an object store may be old itself.
func (in *Instance) confirmGarbage(ctx context.Context, list []garbage, before time.Time) (confirmed []blob.Info, err error) {
	for _, g := range list {
		now, err := in.Blobs.Info(ctx, g.Digest)
		if errors.Is(err, blob.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if g.removed || now.Time.Before(before) {
			confirmed = append(confirmed, now)
		}
	}
	return confirmed, nil
}

// garbage is a blob that nothing refers to.
type garbage struct {
	blob.Info
	// removed reports that something referred to the blob before.
	removed bool
}

// listGarbage lists the blobs that nothing refers to any more, and the blobs older than before that nothing ever referred to.
func (in *Instance) listGarbage(ctx context.Context, before time.Time) ([]garbage, error) {
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	unused, err := in.Catalog.UnusedBlobs(ctx)
	if err != nil {
		return nil, err
	}
	removed := make(map[blob.Digest]bool, len(unused))
	for _, b := range unused {
		removed[b.Digest] = true
	}
	used := make(map[blob.Digest]bool, len(blobs))
	for _, b := range blobs {
		used[b.Digest] = true
	}
	var list []garbage
	err = in.Blobs.List(ctx, func(i blob.Info) error {
		if !used[i.Digest] && (removed[i.Digest] || i.Time.Before(before)) {
			list = append(list, garbage{i, removed[i.Digest]})
		}
		return nil
	})
	return list, err
}
