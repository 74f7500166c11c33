package service

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync/atomic"

	"offlinestore/catalog"
	"offlinestore/instance/settings"
	"offlinestore/server/admin"
	"offlinestore/server/gateway"
	"offlinestore/server/gateway/api"
)

// SecretError means that the secret of the administration's logins cannot be used.
type SecretError struct{ Err error }

func (e *SecretError) Error() string { return e.Err.Error() }

func (e *SecretError) Unwrap() error { return e.Err }

// administration is the server of remote administration. It has a connection of its own to the database, because the connection
// that devices are served from cannot write.
type administration struct {
	server *admin.Server
	db     *catalog.DB
	// storeAdmin is the present administrator of the Snap Store.
	storeAdmin *atomic.Pointer[admin.StoreAdmin]
	// overrides is the keeper of the overrides.
	overrides *overrideKeeper
}

// setValues takes up changed settings.
func (a administration) setValues(v settings.Values) {
	if a.storeAdmin != nil {
		a.storeAdmin.Store(&admin.StoreAdmin{Account: v.StoreAdminID, Digest: v.StoreAdminDigest})
	}
}

// openAdministration opens the administration. It is empty if there is no place for it.
func (c Config) openAdministration(ctx context.Context) (administration, error) {
	in, l, log := c.Instance, c.Listeners, c.Logger.With("on", "administration")
	if l.admin == nil && !in.Settings.Values().AdminOnStoreURL {
		return administration{}, nil
	}
	if _, err := in.Settings.SetMissing(map[string]string{settings.AuthSecret: rand.Text()}); err != nil {
		return administration{}, err
	}
	secret := in.Settings.Values().AuthSecret
	db, err := in.OpenAdmin(ctx)
	if err != nil {
		return administration{}, err
	}
	out := administration{db: db, storeAdmin: &atomic.Pointer[admin.StoreAdmin]{}, overrides: &overrideKeeper{db: db, log: log}}
	out.setValues(in.Settings.Values())
	srv, err := admin.New(admin.Config{Store: db, Secret: secret, Logger: log, Overrides: out.overrides.present, StoreAdmin: func() admin.StoreAdmin { return *out.storeAdmin.Load() }})
	if err != nil {
		db.Close()
		return administration{}, &SecretError{err}
	}
	srv.Mount(api.Path, gateway.New(gateway.Config{Admin: srv, Store: db, Token: c.Token, Logger: log}))
	out.server = srv
	return out, nil
}

// handler returns the API for administrators, or nil.
func (a administration) handler() http.Handler {
	if a.server == nil {
		return nil
	}
	return a.server.Handler()
}

// Close ends the connection to the database.
func (a administration) Close() {
	if a.db != nil {
		a.db.Close()
	}
}

// endpoints returns the endpoint of the administration. On a loopback address it speaks HTTP, because no certificate is for that
// name.
func (a administration) endpoints(l *Listeners, log *slog.Logger) []endpoint {
	if l.admin == nil {
		return nil
	}
	ln := l.admin
	if !isLoopback(ln) {
		ln = l.secure(ln)
	}
	log.Info("administration", "address", l.admin.Addr().String())
	all := []endpoint{{a.server.HTTPServer(l.admin.Addr().String()), ln}}
	if l.local != nil {
		all = append(all, endpoint{a.server.HTTPServer(l.local.Addr().String()), l.local})
	}
	return all
}
