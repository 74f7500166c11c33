// Package transfer holds the shared parts of the product's HTTP servers: it bounds connections, sends large files with the sendfile
// system call, bounds the time of each transfer, and writes an access log.
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

// The bounds of texts that clients choose, in bytes.
const (
	maxPath  = 512
	maxAgent = 256
)

// AccessLog writes the lines of requests. Several listeners may share one.
type AccessLog struct {
	logger    *slog.Logger
	level     slog.Level
	forwarded atomic.Bool
}

// NewAccessLog returns an AccessLog that writes to logger at a level.
func NewAccessLog(logger *slog.Logger, level slog.Level) *AccessLog {
	return &AccessLog{logger: logger, level: level}
}

// TrustForwarded sets whether a balancer in front of all listeners names clients in X-Forwarded-For, from now on.
func (l *AccessLog) TrustForwarded(trust bool) { l.forwarded.Store(trust) }

// Write writes the line of r, a request of a kind whose answer rec recorded. Of the URL, it writes only the path: headers, queries
// and bodies may hold macaroons and passwords.
func (l *AccessLog) Write(kind string, r *http.Request, rec *Recorder, took time.Duration) {
	if !l.logger.Enabled(r.Context(), l.level) {
		return
	}
	l.logger.LogAttrs(r.Context(), l.level, "request", slog.String("kind", kind), slog.String("method", bounded(r.Method, maxAgent)),
		slog.String("path", bounded(r.URL.Path, maxPath)), slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes),
		slog.Duration("took", took), slog.String("client", clientOf(r, l.forwarded.Load())), slog.Bool("tls", r.TLS != nil), slog.String("agent", bounded(r.UserAgent(), maxAgent)))
}

// clientOf returns the address that r came from. In X-Forwarded-For, a trusted balancer added the last address; the client may have
// invented the others.
func clientOf(r *http.Request, forwarded bool) string {
	if forwarded {
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

// ForwardedClient returns the address of the client for which a trusted balancer sent r.
func ForwardedClient(r *http.Request) string { return clientOf(r, true) }

func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
