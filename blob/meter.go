package blob

import (
	"context"
	"io"
)

// Meter is a reader that counts the bytes read through it. It ends with the cause of its context. It keeps the error of its
// underlying reader, so that a caller can distinguish a failing disk from damaged content.
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

// Size returns the number of bytes read.
func (m *Meter) Size() int64 { return m.n }

// Err returns the error of the last read, from the context or from the reader, but never io.EOF.
func (m *Meter) Err() error { return m.err }
