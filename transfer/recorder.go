package transfer

import (
	"io"
	"net/http"
	"time"
)

// chunk is how much of a file is sent before its deadline moves on; at the slowest rate that snapd puts up with, 4096 bytes a second, it
// takes less than chunkTimeout.
const (
	chunk        = 1 << 20
	chunkTimeout = 5 * time.Minute
)

// Recorder passes ReadFrom on, without which a download would not go out by sendfile, and moves the deadline of its connection for as
// long as the client takes what it is sent.
type Recorder struct {
	http.ResponseWriter
	// Status is that of the answer, 0 before there is one; Bytes is the size of the body so far.
	Status int
	Bytes  int64
}

// WriteHeader notes the status.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 && status >= http.StatusOK {
		r.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (r *Recorder) Write(b []byte) (int, error) {
	r.begin()
	n, err := r.ResponseWriter.Write(b)
	r.Bytes += int64(n)
	return n, err
}

// ReadFrom sends src in chunks, each of which has a time limit of its own.
func (r *Recorder) ReadFrom(src io.Reader) (total int64, err error) {
	r.begin()
	rest, limited := src.(*io.LimitedReader)
	direct, ok := r.ResponseWriter.(io.ReaderFrom)
	if !ok || !limited {
		n, err := io.Copy(struct{ io.Writer }{r.ResponseWriter}, src)
		r.Bytes += n
		return n, err
	}
	control := http.NewResponseController(r.ResponseWriter)
	for rest.N > 0 {
		if err := control.SetWriteDeadline(time.Now().Add(chunkTimeout)); err != nil {
			return total, err
		}
		// sendfile looks through one LimitedReader but not through two.
		n, err := direct.ReadFrom(&io.LimitedReader{R: rest.R, N: min(rest.N, chunk)})
		total += n
		rest.N -= n
		r.Bytes += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// begin notes the status that a body without one has.
func (r *Recorder) begin() {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
}

// Unwrap lets http.ResponseController find the connection.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
