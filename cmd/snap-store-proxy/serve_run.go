package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// listening is a server and what it listens on.
type listening struct {
	*http.Server
	ln net.Listener
}

// serveAll serves until ctx ends, or until one of the servers fails.
func serveAll(ctx context.Context, all []listening, log *slog.Logger) error {
	failed := make(chan error, len(all))
	for _, l := range all {
		go func() { failed <- l.Serve(l.ln) }()
	}
	select {
	case err := <-failed:
		for _, l := range all {
			l.Close() // the error at hand says more
		}
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	var wg errgroup.Group
	for _, l := range all {
		wg.Go(func() error { return shutdown(ctx, l.Server) })
	}
	return wg.Wait()
}

// shutdown lets requests finish, within bounds. Being told to stop is no failure.
func shutdown(ctx context.Context, hs *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		return hs.Close()
	}
	return nil
}
