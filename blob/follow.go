package blob

import (
	"context"
	"io"
	"math"
	"sync"
)

// Followers are the readers of content that is being written. A writer tells them how much they may read. They are safe for concurrent use.
type Followers struct {
	mu      sync.Mutex
	changed sync.Cond
	written int64
	ended   bool
}

// NewFollowers returns Followers of content that has no bytes yet.
func NewFollowers() *Followers {
	f := &Followers{}
	f.changed.L = &f.mu
	return f
}

// Tell wakes the readers: they may read the first bytes of the content, as many as written.
func (f *Followers) Tell(written int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = written
	f.changed.Broadcast()
}

// End wakes the readers: there will be no more bytes.
func (f *Followers) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.changed.Broadcast()
}

// Ended reports whether there will be no more bytes.
func (f *Followers) Ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

// Written returns the number of bytes that may be read.
func (f *Followers) Written() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}

// Wait returns the number of bytes from off on that may be read. It waits until there are some, and returns 0 if there will be none, or while off
// is more than near bytes ahead. The error is the cause of the end of ctx.
func (f *Followers) Wait(ctx context.Context, off, near int64) (int64, error) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, f.wake)
		defer stop()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.written <= off && !f.ended && off-f.written <= near && ctx.Err() == nil {
		f.changed.Wait()
	}
	return max(0, f.written-off), context.Cause(ctx)
}

func (f *Followers) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed.Broadcast()
}

// Follower reads the content of a staged blob while it is written.
type Follower struct {
	s   *StagedBlob
	off int64
	// passed tells WriteBack how much was read.
	passed *Followers
}

// Follow returns a reader of the blob's content, from its beginning. Its Read waits for bytes that are not written yet. The writer
// calls EndFollow after the last Write, in case of an error, too.
func (s *StagedBlob) Follow() *Follower { return &Follower{s: s, passed: NewFollowers()} }

// EndFollow makes the readers of Follow end where the content ends. If the content is shorter than the blob, they end with
// [io.ErrUnexpectedEOF].
func (s *StagedBlob) EndFollow() { s.readers.End() }

// Read implements [io.Reader].
func (f *Follower) Read(p []byte) (int, error) {
	if f.off == f.s.size {
		return 0, io.EOF
	}
	ready, _ := f.s.readers.Wait(context.Background(), f.off, math.MaxInt64) // no context, no error
	if ready == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := f.s.f.ReadAt(p[:min(int64(len(p)), ready)], f.off)
	before := f.off
	f.off += int64(n)
	if before/writeBackSize != f.off/writeBackSize {
		f.passed.Tell(f.off)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody cut the file
	}
	return n, err
}

// Close ends WriteBack. The caller reads no more.
func (f *Follower) Close() { f.passed.End() }

// WriteBack writes the content to the disk and then releases its memory behind the reader until Close, so that a commit has nothing left to do:
// both take a tenth of a second for each GiB. The commit returns the disk's error, since the kernel reports it only once. The caller
// has written everything, and calls no other method of the blob meanwhile.
func (f *Follower) WriteBack() {
	f.s.writeBackErr = syncData(f.s.f)
	for off := int64(0); ; {
		n, _ := f.passed.Wait(context.Background(), off, math.MaxInt64) // no context, no error
		if n == 0 {
			return
		}
		releaseCache(f.s.f, off, n)
		off += n
	}
}
