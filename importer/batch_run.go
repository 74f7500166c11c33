package importer

import (
	"context"
	"errors"
	"slices"
	"sync"

	"offlinestore/catalog"
)

// Two files are read at a time, because two cores hash what one disk delivers. More files may wait for their blobs to be hashed, and some
// more for being committed. The waiting ones share the flushes of the disk and the transaction.
const (
	readersAtOnce = 2
	filesAtOnce   = 6
	commitsAtOnce = 16
	// sharedBlobs bounds the blobs that a file leaves to commit with the ones of others, since each of them holds a file open.
	sharedBlobs = 16
)

// Run imports the planned files. It verifies several at once. If the plan found that none of them changes anything, it has applied all of
// them in a transaction, and Run has nothing left to do.
func (b *Batch) Run(ctx context.Context) {
	if !slices.ContainsFunc(b.Files, (*File).Changes) {
		b.repeat(ctx)
		return
	}
	files := slices.DeleteFunc(slices.Clone(b.Files), func(f *File) bool { return f.Err != nil })
	var first, waiting []*File
	for _, f := range files {
		switch {
		case f.isCarrier() && f.Part.set.together: // its leader brings it
		case f.isCarrier():
			first = append(first, f)
		case f.Part != nil || b.isWaiting(ctx, f):
			waiting = append(waiting, f)
		default:
			first = append(first, f)
		}
	}
	b.run(ctx, first)
	b.runWaiting(ctx, waiting)
	if b.PushChannelMap {
		b.apply(ctx, slices.DeleteFunc(files, func(f *File) bool { return f.Err != nil || f.Done != nil })...)
	}
}

// runWaiting runs files that leave out blobs which others of them bring, each as soon as its blobs are there. The rest fail, and name their blobs. The
// leaders of divided bundles run here, too, after the other parts.
func (b *Batch) runWaiting(ctx context.Context, waiting []*File) {
	slices.SortStableFunc(waiting, func(x, y *File) int { return x.signedAt.Compare(y.signedAt) })
	for len(waiting) > 0 {
		i := max(0, slices.IndexFunc(waiting, func(f *File) bool { return !b.isWaiting(ctx, f) }))
		b.run(ctx, waiting[i:i+1:i+1])
		waiting = slices.Delete(waiting, i, i+1)
	}
}

// run verifies files, and applies them unless that follows later for all together.
func (b *Batch) run(ctx context.Context, files []*File) {
	verified := make(chan *File, commitsAtOnce)
	go b.verifyFiles(ctx, files, verified)
	for f := range verified {
		group := []*File{f}
		for len(verified) > 0 && len(group) < commitsAtOnce {
			group = append(group, <-verified)
		}
		b.commit(ctx, group)
		group = b.keepParts(ctx, group)
		if b.PushChannelMap { // the good ones follow, together and in their order
			group = slices.DeleteFunc(group, func(f *File) bool { return f.Err == nil })
		}
		b.apply(ctx, group...)
	}
}

// verifyFiles verifies files, several at once, and sends each of them. Its last blobs are left to commit.
func (b *Batch) verifyFiles(ctx context.Context, files []*File, verified chan<- *File) {
	var wg sync.WaitGroup
	readers, slots := make(chan struct{}, readersAtOnce), make(chan struct{}, filesAtOnce)
	for _, f := range files {
		slots <- struct{}{}
		wg.Go(func() {
			b.verifyFile(ctx, f, readers)
			verified <- f
			<-slots
		})
	}
	wg.Wait()
	close(verified)
}

// commit commits the last blobs of verified files together.
func (b *Batch) commit(ctx context.Context, files []*File) {
	batch := b.Blobs.NewBatch()
	held := false
	for _, f := range files {
		if f.staging != nil {
			batch.Take(f.staging.batch)
			held = held || f.staging.held
		}
	}
	err := batch.Sync(ctx)
	if held {
		err = errors.Join(err, b.Blobs.SyncNames())
	}
	for _, f := range files {
		if f.staging != nil {
			f.verified, f.Err = f.staging.finish(errors.Join(f.Err, err))
			f.staging = nil
		}
	}
}

// repeat reports the files of a batch that changes nothing.
func (b *Batch) repeat(ctx context.Context) {
	for _, f := range b.Files {
		if f.Err == nil {
			f.Done = f.Planned
			b.endSet(ctx, f)
			b.Report(f)
		}
	}
}

// apply applies files together, in their order, unless they could not be verified. It reports each of them.
func (b *Batch) apply(ctx context.Context, files ...*File) {
	var good []*File
	var records []*catalog.Import
	for _, f := range files {
		if f.Err == nil {
			good, records = append(good, f), append(records, f.verified.record)
		}
	}
	if len(records) > 0 {
		records[0].Generation, b.Generation = b.Generation, 0
	}
	list, err := b.Store.ApplyAll(ctx, records)
	for i, f := range good {
		if f.Err = err; err == nil {
			f.Done, f.Err = list[i].Report, list[i].Err
		}
		f.UpToDate = f.Err == nil && f.Done.UpToDate && f.Missing == 0
		if f.Err == nil && f.Done.UpToDate {
			b.endSet(ctx, f)
		}
	}
	for _, f := range files {
		if f.Err == nil || ctx.Err() == nil {
			b.Report(f)
		}
	}
}

// verifyFile reads a file and verifies its blobs.
func (b *Batch) verifyFile(ctx context.Context, f *File, readers chan struct{}) {
	if f.verified != nil || f.isCarrier() && f.Part.Held {
		return
	}
	readers <- struct{}{}
	if f.Part != nil && f.Part.set.together {
		f.staging, f.Err = b.stageLeader(ctx, f)
	} else {
		f.staging, f.Err = b.stageFile(ctx, f)
	}
	<-readers
	if f.Err != nil {
		return
	}
	if f.Err = f.staging.settle(); f.staging.batch.Len() > sharedBlobs {
		f.Err = errors.Join(f.Err, f.staging.batch.Sync(ctx))
	}
}

func (b *Batch) stageFile(ctx context.Context, f *File) (*Staging, error) {
	if f.Part != nil {
		return b.stagePart(ctx, f)
	}
	o, err := b.openFile(ctx, f)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return b.Verify(ctx, o, b.Progress)
}
