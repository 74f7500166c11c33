package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Source opens a file upstream from offset on. resumed reports whether the body begins at offset instead of the beginning of the file. total is
// the size of the whole file in bytes, or -1 if it is not known. The body ends with ctx.
type Source func(ctx context.Context, offset int64) (body io.ReadCloser, total int64, resumed bool, err error)

const (
	// maxTries is the number of times that a download is tried without progress.
	maxTries = 5
	// progressStep is the number of bytes after whose arrival the count of tries starts over.
	progressStep = 1 << 20
)

var (
	errStalled = errors.New("no byte came for too long")
	// errChanged reports a file that is another one when it is read again.
	errChanged = errors.New("upstream now sends other bytes than before")
)

// SizeError reports a file upstream with another size than the announced one, or one that is too large. Sizes are in bytes.
type SizeError struct{ Got, Want int64 }

// Error returns a text with both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("upstream holds %d bytes, %d were announced", e.Got, e.Want)
}

// feed reads a file from upstream, and goes on where the connection broke.
type feed struct {
	o      *Options
	ctx    context.Context
	from   Source
	size   int64 // -1 if it is not known yet
	offset int64 // of the next byte
	// before has the bytes before offset, to compare if upstream sends them once more. nil compares nothing.
	before io.ReaderAt

	body    io.ReadCloser
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	bodyCtx context.Context
	opened  bool // once
	// confirmed reports that upstream has told the size. The bytes of a page that took the place of the file are worth nothing later.
	confirmed bool
	best      int64
	tries     int
}

// Read implements [io.Reader]. It returns io.EOF at the size, even if upstream has more.
func (f *feed) Read(p []byte) (int, error) {
	for {
		if f.offset == f.size {
			return 0, io.EOF
		}
		if err := f.connect(); err != nil {
			return 0, err
		}
		if f.size >= 0 {
			p = p[:min(int64(len(p)), f.size-f.offset)]
		}
		n, err := f.receive(p)
		f.offset += int64(n)
		if n > 0 {
			return n, nil
		}
		if err == io.EOF && f.size < 0 {
			f.size = f.offset
			continue
		}
		if err == nil {
			continue
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err := f.retry(err); err != nil {
			return 0, err
		}
	}
}

// connect opens the body at the offset unless it is open.
func (f *feed) connect() error {
	for f.body == nil && f.offset != f.size {
		err := f.open()
		if err == nil {
			return nil
		}
		if err := f.retry(err); err != nil {
			return err
		}
	}
	return nil
}

// retry closes the body, and waits until the next try. It returns the error if there is none.
func (f *feed) retry(err error) error {
	f.close()
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	var size *SizeError
	if errors.As(err, &size) || errors.Is(err, errChanged) || !f.again(err) {
		return err
	}
	if f.offset >= f.best+progressStep {
		f.best, f.tries = f.offset, 0
	}
	if f.tries++; f.tries >= maxTries {
		return fmt.Errorf("%w (gave up after %d tries)", err, f.tries)
	}
	select {
	case <-time.After(f.o.Backoff << (f.tries - 1)):
		return nil
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
}

// again reports whether another try may succeed. A client waits for the first answer, and should hear soon that it is a bad one.
func (f *feed) again(err error) bool {
	if errors.Is(err, ErrNotFound) {
		return false
	}
	if broken := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errStalled); f.o.Retry != nil && !broken {
		return f.o.Retry(err)
	}
	return f.opened
}

func (f *feed) open() error {
	f.bodyCtx, f.cancel = context.WithCancelCause(f.ctx)
	cancel := f.cancel
	f.timer = time.AfterFunc(f.o.Stall, func() { cancel(errStalled) })
	body, total, resumed, err := f.from(f.bodyCtx, f.offset)
	f.timer.Stop()
	if err != nil {
		return f.cause(err)
	}
	f.body = body
	if total >= 0 && f.size >= 0 && total != f.size {
		return &SizeError{total, f.size}
	}
	if total >= 0 {
		if total < f.offset {
			return &SizeError{total, f.offset}
		}
		f.size, f.confirmed = total, true
	}
	if !resumed && f.offset > 0 {
		if err := f.skip(); err != nil {
			return err
		}
	}
	f.opened = true
	return nil
}

// receive reads from the body. Only the time of waiting for it counts as a stall.
func (f *feed) receive(p []byte) (int, error) {
	f.timer.Reset(f.o.Stall)
	n, err := f.body.Read(p)
	f.timer.Stop()
	if err != nil && err != io.EOF {
		err = f.cause(err)
	}
	return n, err
}

// cause returns the reason why the body ended early.
func (f *feed) cause(err error) error {
	if cause := context.Cause(f.bodyCtx); cause != nil {
		return cause
	}
	return err
}

// skip reads the bytes before the offset again, because upstream cannot resume.
func (f *feed) skip() error {
	buf, old := make([]byte, copyBlock), []byte(nil)
	if f.before != nil {
		old = make([]byte, copyBlock)
	}
	for at := int64(0); at < f.offset; {
		n, err := f.receive(buf[:min(int64(len(buf)), f.offset-at)])
		if f.before != nil {
			if _, err := f.before.ReadAt(old[:n], at); err != nil {
				return &keepError{err}
			}
			if !bytes.Equal(buf[:n], old[:n]) {
				return errChanged
			}
		}
		at += int64(n)
		if err != nil && at < f.offset {
			return fmt.Errorf("read the first %d bytes again: %w", f.offset, err)
		}
	}
	return nil
}

func (f *feed) close() {
	if f.cancel != nil {
		f.timer.Stop()
		f.cancel(context.Canceled)
	}
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}
