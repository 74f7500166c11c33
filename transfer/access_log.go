// Package transfer holds what the HTTP servers of the product share: it bounds connections, sends large files with the sendfile system
// call, bounds the time of each transfer, and writes an access log.
package transfer

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// The bounds of what clients say themselves, in bytes.
const (
	maxPath  = 512
	maxAgent = 256
)

// AccessLog is where the lines go. Several listeners may share one.
type AccessLog struct {
	logger    *slog.Logger
	level     slog.Level
	forwarded atomic.Bool
}

// NewAccessLog returns an AccessLog that writes to logger at a level.
func NewAccessLog(logger *slog.Logger, level slog.Level) *AccessLog {
	return &AccessLog{logger: logger, level: level}
}

// TrustForwarded says whether a balancer in front of all listeners names clients in X-Forwarded-For, as it does from now on.
func (l *AccessLog) TrustForwarded(trust bool) { l.forwarded.Store(trust) }

// Write writes the line of r, which rec took the answer of, as a request of a kind. The path alone is in it: headers, queries and bodies
// may have macaroons and passwords.
func (l *AccessLog) Write(kind string, r *http.Request, rec *Recorder, took time.Duration) {
	if !l.logger.Enabled(r.Context(), l.level) {
		return
	}
	l.logger.LogAttrs(r.Context(), l.level, "request", slog.String("kind", kind), slog.String("method", bounded(r.Method, maxAgent)),
		slog.String("path", bounded(r.URL.Path, maxPath)), slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes),
		slog.Duration("took", took), slog.String("client", l.client(r)), slog.Bool("tls", r.TLS != nil), slog.String("agent", bounded(r.UserAgent(), maxAgent)))
}

// client is the address that r came from. Of those in X-Forwarded-For the balancer added the last one; the others are the client's word.
func (l *AccessLog) client(r *http.Request) string {
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
