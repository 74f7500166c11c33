package blob

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// failure returns the damage of a copy that has ended.
func (f *cacheFill) failure() error {
	if !f.readers.Ended() {
		return nil
	}
	return f.damage
}

// cachedReader reads a blob from a copy in progress, or from the backend.
type cachedReader struct {
	c      *Cache
	ctx    context.Context
	from   Backend
	digest Digest
	size   int64

	mu     sync.Mutex
	joined bool
	fill   *cacheFill // nil if nobody copies the blob
	file   *os.File   // of the fill
	direct Reader     // nil until it is needed
}

// ReadAt implements [io.ReaderAt].
func (r *cachedReader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := 0
	for done < len(p) && off+int64(done) < r.size {
		n, err := r.readAt(p[done:min(int64(len(p)), r.size-off)], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// readAt reads some bytes. r.mu is held.
func (r *cachedReader) readAt(p []byte, off int64) (int, error) {
	if !r.joined {
		r.joined = true
		r.fill, r.file = r.c.join(r.from, r.digest, r.size)
	}
	if r.fill != nil && r.direct == nil {
		ready, err := r.fill.readers.Wait(r.ctx, off, cacheWait)
		if err != nil {
			return 0, err
		}
		if ready > 0 {
			return r.file.ReadAt(p[:min(int64(len(p)), ready)], off)
		}
		if err := r.fill.failure(); err != nil {
			return 0, err
		}
	}
	if r.direct == nil {
		direct, _, err := r.from.Open(r.ctx, r.digest)
		if err != nil {
			return 0, err
		}
		r.direct = direct
	}
	n, err := r.direct.ReadAt(p, off)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Close implements [io.Closer].
func (r *cachedReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	if r.file != nil {
		errs = append(errs, r.file.Close())
	}
	if r.direct != nil {
		errs = append(errs, r.direct.Close())
	}
	return errors.Join(errs...)
}
