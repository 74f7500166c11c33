package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/registry"
	"offlinestore/server"
	"offlinestore/transfer"
)

// shutdownTime is how long downloads may go on after the server was told to stop.
const shutdownTime = 30 * time.Second

// serveOptions are the flags of serve.
type serveOptions struct {
	listen, httpsListen, registryListen, adminListen, level, format string

	accessLog bool
}

func newServe(dir *instance.Dir) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve snapd and Juju from this store, read-only",
		Long: `Serve snapd and Juju from this store, read-only, until a signal ends it; downloads
have 30 seconds to finish. Changes by other commands are served at once.
/_status/check says whether all is well, /metrics has figures for Prometheus, and
/docs/ the documentation. The log goes to standard error; --access-log adds a line
for each request.

The images of charms are served on a port of their own, as a registry, unless
proxy.oci-registry.domain names another one or proxy.oci-registry.builtin=false.`,
		Example: "  snap-store-proxy serve\n  snap-store-proxy serve --listen 127.0.0.1:8080 --registry-listen 127.0.0.1:5000",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runServe(c.Context(), dir, o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "", "`address` to serve plain HTTP on, and nothing else that is not asked for (default proxy.ipaddress:proxy.port.http, [::]:80)")
	f.StringVar(&o.httpsListen, "https-listen", "", "`address` to serve HTTPS on (default proxy.ipaddress:proxy.port.https once there is a certificate; none with --listen)")
	f.StringVar(&o.registryListen, "registry-listen", "", "`address` to serve images on (default proxy.oci-registry.listen, [::]:5000; none with --listen, unless that is set)")
	f.StringVar(&o.adminListen, "admin-listen", "", "`address` to take remote administration on (default proxy.admin.listen, 127.0.0.1:8013; none with --listen, unless that is set)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.format, "log-format", "text", "text or json: how each line of the log is written")
	f.BoolVar(&o.accessLog, "access-log", false, "log each request, without what clients authorise themselves with")
	return c
}

func runServe(ctx context.Context, dir *instance.Dir, o serveOptions) error {
	log, requests, err := o.logs(os.Stderr)
	if err != nil {
		return err
	}
	s, err := dir.Settings()
	if err != nil {
		return err
	}
	// Low ports are open before root's rights are given up.
	d, err := o.openDoors(s, log)
	if err != nil {
		return err
	}
	defer d.Close()
	in, err := dir.Open(ctx, options())
	if err != nil {
		return err
	}
	err = serve(ctx, dir, in, d, log, requests)
	return errors.Join(err, in.Close())
}

// serve serves on all of the doors that are open.
func serve(ctx context.Context, dir *instance.Dir, in *instance.Instance, d *doors, log *slog.Logger, requests *transfer.AccessLog) error {
	remote, writes, err := administration(ctx, in, d, log)
	if err != nil {
		return err
	}
	if writes != nil {
		defer writes.Close()
	}
	// From here on nothing that devices reach can write: the tables are up to date, and the reader's role may only SELECT.
	in.CloseCatalog()
	r, how, err := in.OpenReader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	live, err := readLive(dir, in.Settings, d, log)
	if err != nil {
		return err
	}
	src := feed{Reader: r}
	figures := prometheus.NewRegistry()
	if d.images != nil {
		src.images = registry.New(registry.Config{Blobs: in.Blobs, Username: live.Registry.Username, Password: live.Registry.Password,
			Logger: log, AccessLog: requests, Metrics: figures})
	}
	srv := server.New(server.Config{Blobs: in.Blobs, Logger: log, AccessLog: requests, Metrics: figures})
	srv.SetSettings(live)
	running := &liveStore{dir: dir, doors: d, server: srv, images: src.images, settings: in.Settings, log: log}
	cat, err := src.LoadSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := srv.SetSnapshot(cat); err != nil {
		return err
	}
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	var followed sync.WaitGroup
	followed.Go(func() { srv.Follow(follow, src) })
	followed.Go(func() { settings.Watch(follow, in.Settings, watchInterval, running.change, dir.StoreAssertionPath()) })
	log.Info("serving", "snaps", len(cat.Snaps), "charms", len(cat.Charms), "database", how)
	if live.Registry.Domain == "" && d.images == nil && namesImages(cat) {
		log.Warn("charms name images that nobody serves: give --registry-listen, or set proxy.oci-registry.domain")
	}
	err = serveAll(ctx, d.administer(d.servers(srv, src.images, countOf(cat), log), remote, log), log)
	stop()
	followed.Wait()
	return err
}

// countOf says what there is to serve.
func countOf(cat *catalog.Snapshot) string {
	snaps := cli.Count(len(cat.Snaps), "snap")
	if len(cat.Charms) == 0 {
		return snaps
	}
	return snaps + " and " + cli.Count(len(cat.Charms), "charm")
}
