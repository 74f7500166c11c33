package transfer

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// The bounds of a connection. The Recorder moves the time limit of a download as long as its client takes the data.
const (
	headerTimeout = 5 * time.Second
	ioTimeout     = 60 * time.Second
	idleTimeout   = time.Minute
	maxHeader     = 12 << 10 // net/http adds 4 KiB
)

// NewServer returns an http.Server for h on addr, with the bounds on time and size that an open listener needs. It logs to log.
func NewServer(addr string, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       ioTimeout,
		WriteTimeout:      ioTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// WriteText writes a complete answer.
func WriteText(w http.ResponseWriter, status int, mediaType string, text []byte) {
	WriteHead(w, status, mediaType, len(text))
	_, _ = w.Write(text) // an error means that the client is gone
}

// WriteHead writes the status and the headers of an answer of size bytes.
func WriteHead(w http.ResponseWriter, status int, mediaType string, size int) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(status)
}

// Serve answers r with next, reports the answer to observe, and writes the line of the access log.
func (l *AccessLog) Serve(w http.ResponseWriter, r *http.Request, kind string, next http.HandlerFunc, observe func(*Recorder, time.Duration)) {
	start := time.Now()
	rec := &Recorder{ResponseWriter: w}
	next(rec, r)
	took := time.Since(start)
	observe(rec, took)
	l.Write(kind, r, rec, took)
}
