package cache

import (
	"context"
	"os"
	"sync"
	"sync/atomic"

	"offlinestore/blob"
)

// withheld is the number of bytes at the end of a file that no reader gets before the file is verified.
const withheld = 64 << 10

// flow is a file that readers read while it arrives, or while a file of the cache is verified.
type flow struct {
	c      *Cache
	file   File
	ctx    context.Context
	cancel context.CancelCauseFunc
	// arrived is followed by the hashes, and readable by the readers.
	arrived, readable *blob.Followers
	// started is closed when the size and the content are known, or after the end.
	started   chan struct{}
	startOnce sync.Once
	resumed   bool          // has bytes of an earlier fill
	confirmed bool          // upstream has told the size
	done      chan struct{} // closed when another flow of the file may begin
	size      int64
	content   *os.File // shared by the readers
	written   atomic.Int64
	err       error // set before readable ends

	// c.mu guards the rest.
	readers  int
	ended    bool
	fills    bool        // from upstream
	key      string      // of the partial download
	reserved int64       // bytes of the cache
	kept     bool        // as a blob, which counts in the place of the reserved bytes
	held     blob.Digest // the blob that is in use until the content is closed
}

func (c *Cache) newFlow(f File) *flow {
	ctx, cancel := context.WithCancelCause(c.ctx)
	return &flow{c: c, file: f, ctx: ctx, cancel: cancel, arrived: blob.NewFollowers(), readable: blob.NewFollowers(), started: make(chan struct{}), done: make(chan struct{})}
}

// begin runs a flow. c.mu is held.
func (c *Cache) begin(f *flow, run func() error) {
	c.flows[f.file.Digest] = f
	c.wg.Go(func() { f.end(run()) })
}

// start tells the readers the size of the file. The content is set before.
func (f *flow) start(size int64) {
	f.startOnce.Do(func() {
		f.size = size
		close(f.started)
	})
	f.arrive(f.written.Load())
}

// hasStarted reports whether readers may have got some bytes.
func (f *flow) hasStarted() bool {
	select {
	case <-f.started:
		return true
	default:
		return false
	}
}

// arrive tells that the first n bytes of the content are written.
func (f *flow) arrive(n int64) {
	f.written.Store(n)
	f.arrived.Tell(n)
	if f.hasStarted() {
		f.readable.Tell(max(0, min(n, f.size-withheld)))
	}
}

// verified gives the readers the whole content.
func (f *flow) verified(size int64) {
	f.start(size)
	f.readable.Tell(size)
}

// end ends the readers of a flow, after the content if they have it.
func (f *flow) end(err error) {
	f.err = err
	f.cancel(context.Canceled)
	f.arrived.End()
	f.readable.End()
	f.startOnce.Do(func() { close(f.started) })
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	delete(f.c.flows, f.file.Digest)
	f.ended = true
	f.release()
	close(f.done)
}

// leave ends a reader.
func (f *flow) leave() {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.readers--
	f.release()
}

// release closes the content after the end of the flow and of its last reader. c.mu is held.
func (f *flow) release() {
	if !f.ended || f.readers > 0 {
		return
	}
	if f.content != nil {
		f.content.Close()
	}
	f.c.unuse(f.held)
	f.held = ""
}

// result returns the reason why the flow ended without the content.
func (f *flow) result() error {
	if !f.readable.Ended() {
		return nil
	}
	return f.err
}

// open returns a reader of a flow once its size is known. The caller has counted it among the readers.
func (f *flow) open(ctx context.Context, file File, from Source) (blob.Reader, error) {
	select {
	case <-f.started:
	case <-ctx.Done():
		f.leave()
		return nil, context.Cause(ctx)
	}
	if err := f.result(); err != nil {
		f.leave()
		<-f.done
		return nil, err
	}
	if file.Size >= 0 && file.Size != f.size {
		f.leave()
		return nil, &SizeError{f.size, file.Size}
	}
	return blob.NewReader(&flowReader{f: f, ctx: ctx, from: from}, f.size), nil
}

// wait waits for the end of a flow, as one of its readers.
func (f *flow) wait(ctx context.Context) error {
	defer f.leave()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
