package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/netip"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/server/admin"
)

// openAdmin opens the listener for administration. Whoever says with --listen where to serve gets none that they didn't ask for, and
// a port that is taken keeps only those from serving who have chosen it.
func (o *serveOptions) openAdmin(s *settings.Settings, d *doors, log *slog.Logger) error {
	address, err := s.Get(settings.AdminListen)
	if err != nil {
		return err
	}
	chosen := s.IsSet(settings.AdminListen)
	switch {
	case o.adminListen != "":
		address, chosen = o.adminListen, true
	case o.listen != "" && !chosen:
		return nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil && !chosen {
		log.Warn("no remote administration: set proxy.admin.listen to another address", "err", err)
		return nil
	}
	if err != nil {
		return cli.Hint(err, "choose another address for administration with 'snap-store-proxy config proxy.admin.listen=127.0.0.1:8014'")
	}
	// What it was asked to listen on may be a name; what it listens on is an address.
	if a, err := netip.ParseAddrPort(ln.Addr().String()); !d.tls && (err != nil || !a.Addr().Unmap().IsLoopback()) {
		ln.Close()
		return cli.Hint(cli.Usagef("administration on %s: without TLS, anybody on the way could read passwords", address),
			"import a certificate with 'snap-store-proxy import-certificate', or listen on 127.0.0.1")
	}
	d.admin = ln
	return nil
}

// administration is the server of the administration, or nil where there is none. It has a connection of its own to the database,
// on the private cluster with few rights, since that of the devices can't write.
func administration(ctx context.Context, in *instance.Instance, d *doors, log *slog.Logger) (*admin.Server, *catalog.DB, error) {
	if d.admin == nil {
		return nil, nil, nil
	}
	if _, err := in.Settings.SetMissing(map[string]string{settings.AuthSecret: rand.Text()}); err != nil {
		return nil, nil, err
	}
	secret, err := in.Settings.Get(settings.AuthSecret)
	if err != nil {
		return nil, nil, err
	}
	st, err := in.OpenAdmin(ctx)
	if err != nil {
		return nil, nil, err
	}
	srv, err := admin.New(admin.Config{Store: st, Secret: secret, Logger: log.With("on", "administration")})
	if err != nil {
		st.Close()
		return nil, nil, cli.Hint(err, "have another one made: snap-store-proxy config %s=", settings.AuthSecret)
	}
	return srv, st, nil
}

// administer adds the administration to what is served. On a loopback address it speaks HTTP: no certificate is for that name.
func (d *doors) administer(all []listening, srv *admin.Server, log *slog.Logger) []listening {
	if srv == nil {
		return all
	}
	ln := d.admin
	if a, err := netip.ParseAddrPort(ln.Addr().String()); err != nil || !a.Addr().Unmap().IsLoopback() {
		ln, _ = d.secure(ln)
	}
	log.Info("administration", "address", d.admin.Addr().String())
	return append(all, listening{srv.HTTPServer(d.admin.Addr().String()), ln})
}
