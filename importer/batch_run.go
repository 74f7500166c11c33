package importer

import (
	"context"
	"slices"
	"sync"

	"offlinestore/catalog"
)

// Two files are read at a time, because two cores hash what one disk delivers. More files may wait for their blobs to be hashed.
const (
	readersAtOnce = 2
	filesAtOnce   = 6
)

// Run imports the planned files. It verifies several at once. If the plan found that none of them changes anything, it has applied all of
// them in a transaction, and Run has nothing left to do.
func (b *Batch) Run(ctx context.Context) {
	if !slices.ContainsFunc(b.Files, (*File).Changes) {
		b.repeat()
		return
	}
	var wg sync.WaitGroup
	readers, slots := make(chan struct{}, readersAtOnce), make(chan struct{}, filesAtOnce)
	for _, f := range b.Files {
		if f.Err != nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if f.verified, f.Err = b.verifyFile(ctx, f, readers); f.Err != nil || !b.PushChannelMap {
				b.apply(ctx, f)
			}
		})
	}
	wg.Wait()
	if b.PushChannelMap {
		b.apply(ctx, slices.DeleteFunc(slices.Clone(b.Files), func(f *File) bool { return f.Err != nil })...)
	}
}

// repeat reports the files of a batch that changes nothing.
func (b *Batch) repeat() {
	for _, f := range b.Files {
		if f.Err == nil {
			f.Done = f.Planned
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
	list, err := b.Store.ApplyAll(ctx, records)
	for i, f := range good {
		if f.Err = err; err == nil {
			f.Done, f.Err = list[i].Report, list[i].Err
		}
		f.UpToDate = f.Err == nil && f.Done.UpToDate && f.Missing == 0
	}
	for _, f := range files {
		if f.Err == nil || ctx.Err() == nil {
			b.Report(f)
		}
	}
}

func (b *Batch) verifyFile(ctx context.Context, f *File, readers chan struct{}) (*Verified, error) {
	if f.verified != nil {
		return f.verified, nil
	}
	readers <- struct{}{}
	s, err := b.stageFile(ctx, f)
	<-readers
	if err != nil {
		return nil, err
	}
	return s.Wait()
}

func (b *Batch) stageFile(ctx context.Context, f *File) (*Staging, error) {
	o, err := b.openFile(ctx, f)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return b.Verify(ctx, o, b.Progress)
}
