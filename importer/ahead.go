package importer

import "io"

// Reading ahead of a writer uses blocks of the size in which the blob folder writes.
const (
	aheadBlock  = 256 << 10
	aheadBlocks = 4
)

// readAhead copies large streams and reads on while it writes, so that one processor hashes a blob while another one writes it.
type readAhead struct{ free chan []byte }

func newReadAhead() *readAhead {
	a := &readAhead{free: make(chan []byte, aheadBlocks)}
	for range aheadBlocks {
		a.free <- make([]byte, aheadBlock)
	}
	return a
}

// copyAhead copies r to w with the buffers of the staging.
func (s *Staging) copyAhead(w io.Writer, r io.Reader) error {
	if s.readAhead == nil {
		s.readAhead = newReadAhead()
	}
	return s.readAhead.copy(w, r)
}

type block struct {
	data []byte
	err  error
}

// copy reads r to its end and writes it to w. Only one copy may run at a time.
func (a *readAhead) copy(w io.Writer, r io.Reader) error {
	full := make(chan block, aheadBlocks)
	stop := make(chan struct{})
	go func() {
		defer close(full)
		for {
			select {
			case <-stop:
				return
			case buf := <-a.free:
				n, err := fill(r, buf)
				full <- block{buf[:n], err}
				if err != nil {
					return
				}
			}
		}
	}()
	var failed error
	for b := range full { // drain until the reader has ended, even after an error
		if failed == nil {
			if _, failed = w.Write(b.data); failed != nil {
				close(stop)
			} else if b.err != io.EOF {
				failed = b.err
			}
		}
		a.free <- b.data[:aheadBlock]
	}
	return failed
}

// fill reads until p is full. Unlike io.ReadFull it returns the reader's own error.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
