package registry

import (
	"io"
	"net/http"
	"time"
)

// sendChunk is how much of a blob is sent before the deadline of its connection moves on.
const (
	sendChunk    = 1 << 20
	chunkTimeout = 5 * time.Minute
)

// sender notes what is answered. It passes ReadFrom on, without which a blob would not go out by sendfile, and moves the deadline of
// a connection for as long as its client takes what it is sent.
type sender struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (s *sender) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (s *sender) Write(b []byte) (int, error) {
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}

// ReadFrom sends src in chunks, each of which has a time limit of its own.
func (s *sender) ReadFrom(src io.Reader) (total int64, err error) {
	rest, limited := src.(*io.LimitedReader)
	direct, ok := s.ResponseWriter.(io.ReaderFrom)
	if !ok || !limited {
		return io.Copy(struct{ io.Writer }{s}, src)
	}
	control := http.NewResponseController(s.ResponseWriter)
	for rest.N > 0 {
		if err := control.SetWriteDeadline(time.Now().Add(chunkTimeout)); err != nil {
			return total, err
		}
		// sendfile looks through one LimitedReader but not through two.
		n, err := direct.ReadFrom(&io.LimitedReader{R: rest.R, N: min(rest.N, sendChunk)})
		total += n
		rest.N -= n
		s.bytes += n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// Unwrap lets http.ResponseController find the connection.
func (s *sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }
