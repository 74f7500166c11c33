package main

import (
	"io"
	"log/slog"

	"offlinestore/cmd/internal/cli"
	"offlinestore/transfer"
)

// logs returns the log for the operator and the log of requests. Requests are logged at the debug level unless a flag asks
// for them.
func (o *serveOptions) logs(w io.Writer) (*slog.Logger, *transfer.AccessLog, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return nil, nil, cli.Usagef("--log-level: %w", err)
	}
	h := &slog.HandlerOptions{Level: level}
	var log *slog.Logger
	switch o.format {
	case "text":
		log = slog.New(slog.NewTextHandler(w, h))
	case "json":
		log = slog.New(slog.NewJSONHandler(w, h))
	default:
		return nil, nil, cli.Usagef("--log-format: %q is neither text nor json", o.format)
	}
	requests := slog.LevelDebug
	if o.accessLog {
		requests = max(level, slog.LevelInfo) // the flag overrides the level
	}
	return log, transfer.NewAccessLog(log, requests), nil
}
