package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

// degradedTimeout bounds how long OpenDegraded waits for a database that does not answer.
const degradedTimeout = 30 * time.Second

// Options control how a data folder is opened.
type Options struct {
	// Logf gets messages about the private cluster that an operator should see. It may be nil.
	Logf func(format string, args ...any)
	// Existing refuses to make a store, its database or its tables. It is for work that only reads.
	Existing bool
}

// Instance is an open store: its settings, its catalogue, its blobs and its trust.
type Instance struct {
	Dir      Dir
	Settings *settings.Settings
	Trust    Trust
	Blobs    *blob.Storage
	// folder is the one of Blobs, which stages them and may have them.
	folder *blob.Dir
	// Catalog is nil after OpenDegraded without a database, and after CloseCatalog.
	Catalog *catalog.DB
	// Cluster is the private cluster. It is nil if proxy.db.connection names another database.
	Cluster *pgcluster.Cluster

	logf func(format string, args ...any)
	// reads reports that nothing is to be made.
	reads bool
}

func (d Dir) newInstance(o Options) *Instance {
	in := &Instance{Dir: d, Trust: d.Trust(), logf: o.Logf, reads: o.Existing}
	if in.logf == nil {
		in.logf = func(string, ...any) {}
	}
	return in
}

// Open enters the data folder and opens the store. It starts the private cluster if there is no other database.
func (d Dir) Open(ctx context.Context, o Options) (*Instance, error) {
	if err := d.enterWhole(!o.Existing); err != nil {
		return nil, err
	}
	in := d.newInstance(o)
	if err := in.openParts(ctx, o); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// OpenDegraded opens the store as Open does. If the database is down, it returns both the instance, without a catalogue, and the
// error.
func (d Dir) OpenDegraded(ctx context.Context, o Options) (*Instance, error) {
	if err := d.enterWhole(!o.Existing); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, degradedTimeout)
	defer cancel()
	in := d.newInstance(o)
	err := in.openParts(ctx, o)
	if err != nil && (in.Settings == nil || in.Blobs == nil) {
		return nil, errors.Join(err, in.Close())
	}
	return in, err
}

func (in *Instance) openParts(ctx context.Context, o Options) (err error) {
	if in.Settings, err = in.Dir.Settings(); err != nil {
		return err
	}
	if in.Blobs, in.folder, err = in.Dir.openStorage(in.Settings, in.Dir, o); err != nil {
		return err
	}
	dsn := in.Settings.Values().DBConnection
	if dsn == "" {
		if in.Cluster, err = in.Dir.startCluster(ctx, o); err != nil {
			return err
		}
		dsn = in.Cluster.DSN(privateDatabase, pgcluster.Superuser)
	}
	open := catalog.Open
	if o.Existing {
		open = catalog.OpenExisting
	}
	if in.Catalog, err = open(ctx, dsn); err != nil {
		return err
	}
	if !o.Existing {
		in.takeFirst(ctx)
	}
	if in.Cluster != nil {
		return in.Catalog.CreateServerRole(ctx, serverRole)
	}
	return nil
}

// ClusterError means that the private cluster cannot be started.
type ClusterError struct{ Err error }

func (e *ClusterError) Error() string { return e.Err.Error() }

func (e *ClusterError) Unwrap() error { return e.Err }

func (d Dir) startCluster(ctx context.Context, o Options) (*pgcluster.Cluster, error) {
	forgetConnection()
	if o.Existing && !exists(d.path(clusterFolder)) {
		return nil, ErrNoDatabase
	}
	c, err := pgcluster.Start(ctx, pgcluster.Options{Dir: d.path(clusterFolder), Logf: o.Logf})
	if err != nil {
		return nil, &ClusterError{err}
	}
	return c, nil
}

// forgetConnection removes libpq's variables from the environment. They describe another database of the user's: with PGOPTIONS or
// PGSERVICE, libpq would look for the private cluster elsewhere, or under another schema.
func forgetConnection() {
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "PG") {
			os.Unsetenv(name) // never fails for a name from the environment
		}
	}
}

// DatabaseName describes the database that the store uses.
func (in *Instance) DatabaseName() string {
	if in.Cluster == nil {
		return settings.DBConnection
	}
	return fmt.Sprintf("private cluster, PostgreSQL %d", in.Cluster.Version())
}

// CloseCatalog closes the connections that can write the catalogue. A server calls it before it answers the first device.
func (in *Instance) CloseCatalog() {
	if in.Catalog != nil {
		if !in.reads {
			in.sealAtEnd()
		}
		in.Catalog.Close()
		in.Catalog = nil
	}
}

// Close closes the store. It stops the private cluster if nobody else uses it. Staged files that cannot be removed are only garbage, and
// no failure of the work before.
func (in *Instance) Close() error {
	in.CloseCatalog()
	if in.Blobs != nil {
		if err := in.Blobs.Close(); err != nil {
			in.logf("Staged files were not removed: %v", err)
		}
	}
	if in.Cluster != nil {
		return in.Cluster.Close()
	}
	return nil
}
