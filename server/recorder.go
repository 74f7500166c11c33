package server

import (
	"io"
	"net/http"
	"time"
)

// recorder notes what is answered. It passes ReadFrom on, without which a download would not go out by sendfile, and moves the
// deadline of a connection for as long as its client takes what it is sent.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom sends src in chunks, each of which has a time limit of its own.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	rest, limited := src.(*io.LimitedReader)
	direct, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok || !limited {
		n, err := io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
		w.bytes += n
		return n, err
	}
	control := http.NewResponseController(w.ResponseWriter)
	var total int64
	for rest.N > 0 {
		if err := control.SetWriteDeadline(time.Now().Add(chunkTimeout)); err != nil {
			return total, err
		}
		// sendfile looks through one LimitedReader but not through two.
		chunk := &io.LimitedReader{R: rest.R, N: min(rest.N, sendChunk)}
		n, err := direct.ReadFrom(chunk)
		total += n
		rest.N -= n
		w.bytes += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// Unwrap lets http.ResponseController find the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
