package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"
)

// shutdownTime is the time that downloads have after the service was told to stop.
const shutdownTime = 30 * time.Second

// serve serves on all endpoints until ctx ends, or until one of them fails.
func serve(ctx context.Context, all []endpoint, log *slog.Logger) error {
	failed := make(chan error, len(all))
	for _, e := range all {
		go func() { failed <- e.Serve(e.ln) }()
	}
	tellSystemd(daemon.SdNotifyReady, log)
	select {
	case err := <-failed:
		for _, e := range all {
			e.Close() // Close's error would tell less
		}
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	tellSystemd(daemon.SdNotifyStopping, log)
	var wg errgroup.Group
	for _, e := range all {
		wg.Go(func() error { return shutdown(ctx, e.Server) })
	}
	return wg.Wait()
}

// tellSystemd tells systemd the state, so that `systemctl start` ends when clients are answered. Elsewhere it does nothing.
func tellSystemd(state string, log *slog.Logger) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd does not learn the state", "error", err)
	}
}

// shutdown lets requests finish, within bounds. An ordered stop is no failure.
func shutdown(ctx context.Context, hs *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		return hs.Close()
	}
	return nil
}
