package importer

import (
	"context"
	"sync"
)

// Two files are read at a time, because two cores hash what one disk delivers. More files may wait for their blobs to be hashed.
const (
	readersAtOnce = 2
	filesAtOnce   = 6
)

// Run imports the planned files concurrently. With PushChannelMap it applies a file only after the files before it.
func (b *Batch) Run(ctx context.Context) {
	var wg sync.WaitGroup
	readers, slots := make(chan struct{}, readersAtOnce), make(chan struct{}, filesAtOnce)
	turn := make(chan struct{})
	close(turn)
	for _, f := range b.Files {
		if f.Err != nil {
			continue
		}
		if f.UpToDate {
			f.Done = upToDateReport()
			b.Report(f)
			continue
		}
		slots <- struct{}{}
		mine, next := turn, make(chan struct{})
		if b.PushChannelMap {
			turn = next
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f.Err = b.importFile(ctx, f, readers, mine)
			if f.Err == nil || ctx.Err() == nil {
				b.Report(f)
			}
			<-mine // a file that fails early must not let the next one overtake earlier files
			close(next)
		})
	}
	wg.Wait()
}

func (b *Batch) importFile(ctx context.Context, f *File, readers chan struct{}, turn <-chan struct{}) error {
	v, err := b.verifyFile(ctx, f, readers)
	if err != nil {
		return err
	}
	<-turn
	f.Done, err = b.Apply(ctx, v)
	return err
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
