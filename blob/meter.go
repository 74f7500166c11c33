package blob

import (
	"context"
	"io"
)

// Meter is a reader that counts what passes. It ends with the cause of its context, and keeps the error of what it reads from, so
// that a caller can tell a disk that fails from content that is damaged.
type Meter struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
	n        int64
	err      error
}

// NewMeter returns a Meter over r. progress, which may be nil, is called with the size of each read.
func NewMeter(ctx context.Context, r io.Reader, progress func(int64)) *Meter {
	return &Meter{ctx: ctx, r: r, progress: progress}
}

// Read implements [io.Reader].
func (m *Meter) Read(p []byte) (int, error) {
	if m.err = context.Cause(m.ctx); m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.progress != nil && n > 0 {
		m.progress(int64(n))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// Size returns the number of bytes that were read.
func (m *Meter) Size() int64 { return m.n }

// Err returns the error of the last read: that of the context or of the reader, but no io.EOF.
func (m *Meter) Err() error { return m.err }
