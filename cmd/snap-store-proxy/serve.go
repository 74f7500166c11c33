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
	"golang.org/x/sync/errgroup"

	"offlinestore/cmd/internal/ui"
	"offlinestore/registry"
	"offlinestore/server"
	"offlinestore/settings"
	"offlinestore/store"
)

// shutdownTime is how long downloads may go on after the server was told to stop.
const shutdownTime = 30 * time.Second

// serveOptions are the flags of serve.
type serveOptions struct{ listen, registryListen, level string }

func newServe(g *globals) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve snapd and Juju from this store, read-only",
		Long: `Serve snapd and Juju from this store, read-only, until a signal ends it; downloads
have 30 seconds to finish. Changes by other commands are served at once.
/_status/check says whether all is well, /metrics has figures for Prometheus.

The images of charms are served on a port of their own, as a registry, unless
proxy.oci-registry.domain names another one or proxy.oci-registry.builtin=false.`,
		Example: "  snap-store-proxy serve\n  snap-store-proxy serve --listen 127.0.0.1:8080 --registry-listen 127.0.0.1:5000",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runServe(c.Context(), g, o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "", "`address` to serve plain HTTP on, and nothing else (default proxy.ipaddress:proxy.port.http, [::]:80)")
	f.StringVar(&o.registryListen, "registry-listen", "", "`address` to serve images on (default proxy.oci-registry.listen, [::]:5000; none with --listen, unless that is set)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	return c
}

func runServe(ctx context.Context, g *globals, o serveOptions) error {
	var lv slog.Level
	if err := lv.UnmarshalText([]byte(o.level)); err != nil {
		return ui.Usagef("--log-level: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: lv}))
	s, err := settings.Open(g.settingsPath())
	if err != nil {
		return err
	}
	if err := o.chooseRegistry(s); err != nil {
		return err
	}
	if o.listen == "" {
		if o.listen, err = configuredAddress(s); err != nil {
			return err
		}
	}
	// A low port is open before root's rights are given up.
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return ui.Hint(err, "choose another address with --listen, or the port with 'snap-store-proxy config proxy.port.http=8080'")
	}
	defer ln.Close()
	images, err := o.listenForImages()
	if err != nil {
		return err
	}
	if images != nil {
		defer images.Close()
	}
	h, err := g.open(ctx)
	if err != nil {
		return err
	}
	err = serve(ctx, h, ln, images, log)
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

// serve serves on ln, and images on another listener unless that is nil.
func serve(ctx context.Context, h *host, ln, images net.Listener, log *slog.Logger) error {
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
	access, err := h.registryAccess(images)
	if err != nil {
		return err
	}
	src := feed{Reader: r}
	if images != nil {
		src.images = registry.New(registry.Config{Blobs: h.blobs, Username: access.Username, Password: access.Password, Logger: log})
	}
	srv := server.New(server.Config{Blobs: h.blobs, Domain: domain, Registry: access, Logger: log})
	cat, err := src.LoadCatalog(ctx)
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
		srv.Follow(follow, src)
	}()
	log.Info("serving", "address", ln.Addr().String(), "snaps", len(cat.Snaps), "charms", len(cat.Charms), "database", how)
	fmt.Printf("Serving %s on http://%s\n", countOf(cat), ln.Addr())
	all := []listening{{srv.HTTPServer(ln.Addr().String()), ln}}
	if images != nil {
		log.Info("serving images", "address", images.Addr().String(), "manifests", len(cat.Images))
		fmt.Printf("Serving images on http://%s\n", images.Addr())
		all = append(all, listening{src.images.HTTPServer(images.Addr().String()), images})
	} else if access.Domain == "" && namesImages(cat) {
		log.Warn("charms name images that nobody serves: give --registry-listen, or set proxy.oci-registry.domain")
	}
	err = serveAll(ctx, all, log)
	stop()
	<-followed
	return err
}

// countOf says what there is to serve.
func countOf(cat *store.Catalog) string {
	snaps := ui.Count(len(cat.Snaps), "snap")
	if len(cat.Charms) == 0 {
		return snaps
	}
	return snaps + " and " + ui.Count(len(cat.Charms), "charm")
}

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
