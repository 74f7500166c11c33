package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"offlinestore/blob"
)

// maxRestarts is the number of times that a stream goes back.
const maxRestarts = 3

var (
	errUnknownSize   = errors.New("the file cannot be kept, and upstream does not tell its size")
	errTooManyRanges = errors.New("the file cannot be kept, and was read backwards too often")
)

// stream reads a file from upstream past the folder, for one client. It hashes all bytes, and withholds the last ones until they are verified. Bytes
// before the first one that the client reads are thrown away.
type stream struct {
	c    *Cache
	file File

	mu       sync.Mutex
	in       *feed
	sums     *blob.Sums
	buf      []byte // the bytes before in.offset that were not read
	restarts int
	verified bool
	err      error
	closed   bool
}

// stream waits for a place among the streams, and opens the file. The reader ends with ctx.
func (c *Cache) stream(ctx context.Context, f File, from Source) (*stream, error) {
	if from == nil {
		return nil, ErrNotFound
	}
	if c.ctx.Err() != nil {
		return nil, context.Cause(c.ctx)
	}
	select {
	case c.streams <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.ctx.Done():
		return nil, context.Cause(c.ctx)
	}
	s := &stream{c: c, file: f, sums: blob.NewSums(f.Digest.algorithm()), buf: make([]byte, 0, 2*withheld)}
	s.in = &feed{o: &c.o, ctx: ctx, from: from, size: f.Size}
	err := s.in.connect()
	if err == nil && s.in.size < 0 {
		err = errUnknownSize
	}
	if err == nil && s.in.size == 0 {
		err = s.verify()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// ReadAt implements [io.ReaderAt]. A read behind the last one begins again.
func (s *stream) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	done := 0
	for done < len(p) && off+int64(done) < s.in.size {
		n, err := s.readAt(p[done:], off+int64(done))
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

// readAt reads some bytes, or receives more. s.mu is held.
func (s *stream) readAt(p []byte, off int64) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	begin, end := s.in.offset-int64(len(s.buf)), s.in.offset
	if !s.verified {
		end = max(begin, end-withheld)
	}
	switch {
	case off < begin:
		s.err = s.restart()
	case off < end:
		return copy(p, s.buf[off-begin:end-begin]), nil
	default:
		s.err = s.receive(min(off, s.in.offset) - begin)
	}
	return 0, nil
}

// receive throws away the first bytes of the buffer, and receives more.
func (s *stream) receive(used int64) error {
	s.buf = s.buf[:copy(s.buf, s.buf[used:])]
	n, err := s.in.Read(s.buf[len(s.buf):cap(s.buf)])
	s.sums.Write(s.buf[len(s.buf) : len(s.buf)+n])
	s.buf = s.buf[:len(s.buf)+n]
	if err != nil {
		return fmt.Errorf("%s: %w", s.file.name(), err)
	}
	if s.in.offset == s.in.size {
		return s.verify()
	}
	return nil
}

func (s *stream) verify() error {
	if err := s.sums.Verify(s.file.Digest.algorithm(), s.file.Digest.hex()); err != nil {
		return &DigestError{s.file.name(), err}
	}
	s.verified = true
	return nil
}

// restart begins again. A request for many ranges must not download a file for each of them.
func (s *stream) restart() error {
	if s.restarts++; s.restarts > maxRestarts {
		return errTooManyRanges
	}
	s.in.close()
	s.in.offset, s.in.best = 0, 0
	s.sums.Reset()
	s.buf, s.verified = s.buf[:0], false
	return nil
}

// Close implements [io.Closer].
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.in.close()
		<-s.c.streams
	}
	return nil
}
