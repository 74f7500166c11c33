package edge

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("upstream sends nothing any more")

// stallReader ends a body that stalls.
type stallReader struct {
	io.ReadCloser
	timer   *time.Timer
	stalled atomic.Bool
}

func newStallReader(body io.ReadCloser, cancel func()) *stallReader {
	s := &stallReader{ReadCloser: body}
	s.timer = time.AfterFunc(stallTimeout, func() {
		s.stalled.Store(true)
		cancel() // makes Read return
	})
	s.timer.Stop()
	return s
}

// Read reads from the body. Only the wait for upstream counts, not the one for the client.
func (s *stallReader) Read(p []byte) (int, error) {
	s.timer.Reset(stallTimeout)
	n, err := s.ReadCloser.Read(p)
	s.timer.Stop()
	if err != nil && s.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// Close ends the body.
func (s *stallReader) Close() error {
	s.timer.Stop()
	return s.ReadCloser.Close()
}
