// Package accesslog writes a line for each request that was answered, without what clients authorise themselves with.
package accesslog

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"offlinestore/sendfile"
)

// The bounds of what clients say themselves, in bytes.
const (
	maxPath  = 512
	maxAgent = 256
)

// Log is where the lines go. Several listeners may share one.
type Log struct {
	logger    *slog.Logger
	level     slog.Level
	forwarded atomic.Bool
}

// New returns a Log that writes to logger at a level.
func New(logger *slog.Logger, level slog.Level) *Log { return &Log{logger: logger, level: level} }

// TrustForwarded says whether a balancer in front of all listeners names clients in X-Forwarded-For, as it does from now on.
func (l *Log) TrustForwarded(trust bool) { l.forwarded.Store(trust) }

// Write writes the line of r, which rec took the answer of, as a request of a kind. The path alone is in it: headers, queries and bodies
// may have macaroons and passwords.
func (l *Log) Write(kind string, r *http.Request, rec *sendfile.Recorder, took time.Duration) {
	if !l.logger.Enabled(r.Context(), l.level) {
		return
	}
	l.logger.LogAttrs(r.Context(), l.level, "request", slog.String("kind", kind), slog.String("method", bounded(r.Method, maxAgent)),
		slog.String("path", bounded(r.URL.Path, maxPath)), slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes),
		slog.Duration("took", took), slog.String("client", l.client(r)), slog.Bool("tls", r.TLS != nil), slog.String("agent", bounded(r.UserAgent(), maxAgent)))
}

// client is the address that r came from. Of those in X-Forwarded-For the balancer added the last one; the others are the client's word.
func (l *Log) client(r *http.Request) string {
	if l.forwarded.Load() {
		lines := r.Header.Values("X-Forwarded-For")
		if len(lines) > 0 {
			line := lines[len(lines)-1]
			last := strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
			if a, err := netip.ParseAddr(last); err == nil {
				return a.WithZone("").String()
			}
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
