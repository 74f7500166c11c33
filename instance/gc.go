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
	list, err := in.listGarbage(ctx, before)
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
		if err := in.Blobs.Remove(i.Digest); err != nil {
			return g, err
		}
	}
	if o.DryRun {
		return g, nil
	}
	err = in.Blobs.CleanStaging()
	if o.All {
		err = errors.Join(err, in.Blobs.EmptyQuarantine())
	}
	if err != nil {
		return g, err
	}
	return g, in.Catalog.ForgetBlobs(ctx)
}

// listGarbage lists the blobs that nothing refers to any more, and the blobs older than before that nothing ever referred to.
func (in *Instance) listGarbage(ctx context.Context, before time.Time) ([]blob.Info, error) {
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
	var garbage []blob.Info
	err = in.Blobs.List(func(i blob.Info) error {
		if !used[i.Digest] && (removed[i.Digest] || i.Time.Before(before)) {
			garbage = append(garbage, i)
		}
		return nil
	})
	return garbage, err
}
