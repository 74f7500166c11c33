package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
)

// flowReader reads from a flow, or from upstream if the flow cannot keep the file.
type flowReader struct {
	f    *flow
	ctx  context.Context
	from Source

	mu     sync.Mutex
	closed bool
	direct *stream
}

// ReadAt implements [io.ReaderAt]. It waits for the bytes.
func (r *flowReader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, os.ErrClosed
	}
	done := 0
	for done < len(p) && off+int64(done) < r.f.size {
		n, err := r.readAt(p[done:min(int64(len(p)), r.f.size-off)], off+int64(done))
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
func (r *flowReader) readAt(p []byte, off int64) (int, error) {
	if r.direct != nil {
		return r.direct.ReadAt(p, off)
	}
	ready, err := r.f.readable.Wait(r.ctx, off, math.MaxInt64)
	if err != nil {
		return 0, err
	}
	if ready > 0 {
		n, err := r.f.content.ReadAt(p[:min(int64(len(p)), ready)], off)
		if err == io.EOF && n == 0 {
			err = io.ErrUnexpectedEOF // somebody cut the file
		}
		return n, err
	}
	err = r.f.result()
	var keep *keepError
	if !errors.As(err, &keep) {
		return 0, fmt.Errorf("%s: %w", r.f.file.name(), err)
	}
	file := r.f.file
	file.Size = r.f.size
	if r.direct, err = r.f.c.stream(r.ctx, file, r.from); err != nil {
		return 0, err
	}
	return 0, nil
}

// Close implements [io.Closer].
func (r *flowReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.f.leave()
	if r.direct != nil {
		return r.direct.Close()
	}
	return nil
}
