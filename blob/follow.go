package blob

import (
	"io"
	"sync"
)

// followers are the readers of a blob that is being written.
type followers struct {
	mu      sync.Mutex
	changed sync.Cond
	written int64
	ended   bool
}

// tell wakes the readers when there is more to read.
func (f *followers) tell(written int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = written
	f.changed.Broadcast()
}

func (f *followers) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.changed.Broadcast()
}

// wait returns the number of bytes from off on that are written. It waits until there are some, or until there will be none.
func (f *followers) wait(off int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.written <= off && !f.ended {
		f.changed.Wait()
	}
	return f.written - off
}

// Follow returns a reader of the blob's content, from its beginning. Its Read waits for bytes that are not written yet. The writer
// calls EndFollow after the last Write, in case of an error, too.
func (s *StagedBlob) Follow() io.Reader { return &follower{s: s} }

// EndFollow makes the readers of Follow end where the content ends. If the content is shorter than the blob, they end with
// [io.ErrUnexpectedEOF].
func (s *StagedBlob) EndFollow() { s.readers.end() }

type follower struct {
	s   *StagedBlob
	off int64
}

// Read implements [io.Reader].
func (f *follower) Read(p []byte) (int, error) {
	if f.off == f.s.size {
		return 0, io.EOF
	}
	ready := f.s.readers.wait(f.off)
	if ready == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := f.s.f.ReadAt(p[:min(int64(len(p)), ready)], f.off)
	f.off += int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody cut the file
	}
	return n, err
}
