package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

// The private cluster's database, and the role that a server logs in with.
const (
	privateDatabase = "postgres"
	serverRole      = "snap_store_server"
)

// host is the store on this machine: its settings, its catalogue and its blobs.
type host struct {
	settings *settings.Settings
	cluster  *pgcluster.Cluster // nil if proxy.db.connection names another database
	store    *catalog.DB
	blobs    *blob.Dir
	trust    trustStore
}

// open gives up root's rights and opens the store, starting the private cluster if need be.
func (g *globals) open(ctx context.Context) (*host, error) {
	if err := enterDataDir(g.dataDir); err != nil {
		return nil, err
	}
	if err := g.checkWhole(); err != nil {
		return nil, err
	}
	h := &host{trust: trustStore{filepath.Join(g.dataDir, "trust")}}
	if err := h.openAll(ctx, g); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// withHost opens the store, calls fn and closes the store again.
func (g *globals) withHost(ctx context.Context, fn func(*host) error) error {
	h, err := g.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(h), h.Close())
}

// withCatalog is withHost for commands that look at the whole catalogue.
func (g *globals) withCatalog(ctx context.Context, fn func(*host, *catalog.Snapshot) error) error {
	return g.withHost(ctx, func(h *host) error {
		cat, err := h.store.LoadSnapshot(ctx)
		if err != nil {
			return err
		}
		return fn(h, cat)
	})
}

func (h *host) openAll(ctx context.Context, g *globals) (err error) {
	if h.settings, err = settings.Open(g.settingsPath()); err != nil {
		return err
	}
	if h.blobs, err = blob.Open(filepath.Join(g.dataDir, "blobs")); err != nil {
		return err
	}
	dsn, err := h.settings.Get(settings.DBConnection)
	if err != nil {
		return err
	}
	if dsn == "" {
		if dsn, err = h.startCluster(ctx, g); err != nil {
			return err
		}
	}
	if h.store, err = catalog.Open(ctx, dsn); err != nil {
		return err
	}
	if h.cluster != nil {
		return h.store.CreateServerRole(ctx, serverRole)
	}
	return nil
}

func (h *host) startCluster(ctx context.Context, g *globals) (dsn string, err error) {
	forgetConnection()
	h.cluster, err = pgcluster.Start(ctx, pgcluster.Options{Dir: filepath.Join(g.dataDir, "postgresql"), Logf: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "snap-store-proxy: "+format+"\n", args...)
	}})
	if err != nil {
		return "", err
	}
	return h.cluster.DSN(privateDatabase, pgcluster.Superuser), nil
}

// forgetConnection takes libpq's variables out of the environment. They are about another database of the user's: PGOPTIONS or
// PGSERVICE would have our own looked for elsewhere, or under another schema.
func forgetConnection() {
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "PG") {
			os.Unsetenv(name) // which fails for no name that is in the environment
		}
	}
}

// reader opens the catalogue for the server, which never needs to write: as a role that can't on the private cluster, with
// proxy.db.server-connection on another database, else in read-only transactions. It says which.
func (h *host) reader(ctx context.Context) (r *catalog.Reader, how string, err error) {
	if h.cluster != nil {
		r, err = catalog.OpenReader(ctx, h.cluster.DSN(privateDatabase, serverRole))
		return r, "private cluster, role " + serverRole + " (SELECT only)", err
	}
	dsn, err := h.settings.Get(settings.DBServerConnection)
	if err != nil {
		return nil, "", err
	}
	if dsn != "" {
		r, err = catalog.OpenReader(ctx, dsn)
		return r, "proxy.db.server-connection", err
	}
	if dsn, err = h.settings.Get(settings.DBConnection); err != nil {
		return nil, "", err
	}
	r, err = catalog.OpenReader(ctx, dsn)
	return r, "proxy.db.connection, in read-only transactions; set proxy.db.server-connection to a role that can only SELECT", err
}

// Close closes the store, and stops the private cluster if nobody else uses it.
func (h *host) Close() error {
	var errs []error
	if h.store != nil {
		h.store.Close()
	}
	if h.blobs != nil {
		errs = append(errs, h.blobs.Close())
	}
	if h.cluster != nil {
		errs = append(errs, h.cluster.Close())
	}
	return errors.Join(errs...)
}
