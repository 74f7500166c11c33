package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/ui"
	"offlinestore/server"
	"offlinestore/settings"
)

// shutdownTime is how long downloads may go on after the server was told to stop.
const shutdownTime = 30 * time.Second

func newServe(g *globals) *cobra.Command {
	var listen, level string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve snapd from this store, read-only",
		Long: `Serve snapd from this store, read-only, until a signal ends it; downloads have
30 seconds to finish. Changes by other commands are served at once.
/_status/check says whether all is well, /metrics has figures for Prometheus.`,
		Example: "  snap-store-proxy serve\n  snap-store-proxy serve --listen 127.0.0.1:8080",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runServe(c.Context(), g, listen, level) },
	}
	c.Flags().StringVar(&listen, "listen", "", "`address` to serve plain HTTP on, and nothing else (default proxy.ipaddress:proxy.port.http, [::]:80)")
	c.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return c
}

func runServe(ctx context.Context, g *globals, listen, level string) error {
	var lv slog.Level
	if err := lv.UnmarshalText([]byte(level)); err != nil {
		return ui.Usagef("--log-level: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: lv}))
	s, err := settings.Open(g.settingsPath())
	if err != nil {
		return err
	}
	if listen == "" {
		if listen, err = configuredAddress(s); err != nil {
			return err
		}
	}
	// A low port is open before root's rights are given up.
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return ui.Hint(err, "choose another address with --listen, or the port with 'snap-store-proxy config proxy.port.http=8080'")
	}
	defer ln.Close()
	h, err := g.open(ctx)
	if err != nil {
		return err
	}
	err = serve(ctx, h, ln, log)
	return errors.Join(err, h.Close())
}

func configuredAddress(s *settings.Settings) (string, error) {
	ip, err := s.Get(settings.IPAddress)
	if err != nil {
		return "", err
	}
	port, err := s.Get(settings.HTTPPort)
	if err != nil {
		return "", err
	}
	if len(ip) > 1 && ip[0] == '[' {
		ip = ip[1 : len(ip)-1]
	}
	return net.JoinHostPort(ip, port), nil
}

func serve(ctx context.Context, h *host, ln net.Listener, log *slog.Logger) error {
	// From here on nothing can write: the tables are up to date, and the reader's role may only SELECT.
	h.store.Close()
	h.store = nil
	r, how, err := h.reader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	domain, err := h.settings.Get(settings.Domain)
	if err != nil {
		return err
	}
	srv := server.New(server.Config{Blobs: h.blobs, Domain: domain, Logger: log})
	cat, err := r.LoadCatalog(ctx)
	if err != nil {
		return err
	}
	if err := srv.SetCatalog(cat); err != nil {
		return err
	}
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		srv.Follow(follow, r)
	}()
	log.Info("serving", "address", ln.Addr().String(), "snaps", len(cat.Snaps), "database", how)
	fmt.Printf("Serving %s on http://%s\n", ui.Count(len(cat.Snaps), "snap"), ln.Addr())
	hs := srv.HTTPServer(ln.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(ln) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = shutdown(ctx, hs, log)
	}
	stop()
	<-followed
	return err
}

// shutdown lets requests finish, within bounds. Being told to stop is no failure.
func shutdown(ctx context.Context, hs *http.Server, log *slog.Logger) error {
	log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		return hs.Close()
	}
	return nil
}
