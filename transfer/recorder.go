package transfer

import (
	"io"
	"net/http"
	"time"
)

// chunk is the number of bytes of a file that are sent before its deadline moves on. At the slowest rate that snapd tolerates, 4096
// bytes a second, a chunk takes less than chunkTimeout.
const (
	chunk        = 1 << 20
	chunkTimeout = 5 * time.Minute
)

// Recorder is a ResponseWriter that keeps ReadFrom, without which a download would not use sendfile. It moves the deadline of its
// connection as long as the client takes the data.
type Recorder struct {
	http.ResponseWriter
	// Status is the status of the answer, 0 before there is one; Bytes is the size of the body so far.
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

// Write counts the bytes of the body.
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

// begin records the status of an answer that sets none.
func (r *Recorder) begin() {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
}

// Unwrap lets http.ResponseController find the connection.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
