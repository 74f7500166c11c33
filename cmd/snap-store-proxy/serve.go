package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/token"
	"offlinestore/instance"
	"offlinestore/service"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	addresses     instance.Addresses
	level, format string
	accessLog     bool
}

func newServe(dir *instance.Dir) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve snapd and Juju from this store",
		Long: `Serve snapd and Juju from this store until a signal ends it; downloads have 30 seconds
to finish. Clients change nothing, but devices may get serials. Changes by other commands are served at once.
/_status/check says whether all is well, /metrics has figures for Prometheus, and
/docs/ the documentation. The log goes to standard error; --access-log adds a line
for each request.

The images of charms are served on a port of their own, as a registry, unless
proxy.oci-registry.domain names another one or proxy.oci-registry.builtin=false.`,
		Example: "  snap-store-proxy serve\n  snap-store-proxy serve --listen 127.0.0.1:8080 --registry-listen 127.0.0.1:5000",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("log-level") {
				o.level = cli.LogLevel(o.level)
			}
			return runServe(c.Context(), dir, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.addresses.HTTP, "listen", "", "`address` to serve plain HTTP on; no other port is opened unless requested (default proxy.ipaddress:proxy.port.http, [::]:80)")
	f.StringVar(&o.addresses.HTTPS, "https-listen", "", "`address` to serve HTTPS on (default proxy.ipaddress:proxy.port.https once there is a certificate; none with --listen)")
	f.StringVar(&o.addresses.Registry, "registry-listen", "", "`address` to serve images on (default proxy.oci-registry.listen, [::]:5000; none with --listen, unless that is set)")
	f.StringVar(&o.addresses.Admin, "admin-listen", "", "`address` to serve remote administration on (default proxy.admin.listen, 127.0.0.1:8013; none with --listen, unless that is set)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.format, "log-format", "text", "text or json: how each line of the log is written")
	f.BoolVar(&o.accessLog, "access-log", false, "log each request, without credentials")
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
	// Low ports must be opened before root's rights are given up.
	listeners, err := service.Listen(s, o.addresses, log)
	if errors.Is(err, instance.ErrNoCertificate) {
		err = fmt.Errorf("--https-listen: %w", err)
	}
	if err != nil {
		return err
	}
	defer listeners.Close()
	return withInstance(ctx, dir, func(in *instance.Instance) error {
		c := service.Config{Instance: in, Listeners: listeners, Logger: log, AccessLog: requests, Version: cli.Version(), Announce: announce}
		if t := token.New(*dir, in.Settings); t != nil {
			c.Token = t
		}
		return service.Run(ctx, c)
	})
}

// announce prints the address of a listener in the form that scripts expect: on standard output, after it can be reached.
func announce(a service.Announcement) {
	switch a.Role {
	case service.RoleHTTP:
		content := cli.Count(a.Snaps, "snap")
		if a.Charms > 0 {
			content += " and " + cli.Count(a.Charms, "charm")
		}
		fmt.Printf("Serving %s on %s\n", content, a.URL)
	case service.RoleHTTPS:
		fmt.Printf("Serving the same on %s\n", a.URL)
	case service.RoleRegistry:
		fmt.Printf("Serving images on %s\n", a.URL)
	}
}
