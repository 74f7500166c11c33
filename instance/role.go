package instance

import (
	"context"

	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// The database of the private cluster, and the roles that processes log in with.
const (
	privateDatabase = "postgres"
	serverRole      = "snap_store_server"
	adminRole       = "snap_store_admin"
)

// OpenReader opens the catalogue for a server, which writes only what clients want: on the private cluster as a role that may only SELECT
// the other tables, on another database with proxy.db.server-connection or else in read-only transactions. It also returns words for the way it took.
func (in *Instance) OpenReader(ctx context.Context) (r *catalog.Reader, how string, err error) {
	if in.Cluster != nil {
		r, err = catalog.OpenReader(ctx, in.Cluster.DSN(privateDatabase, serverRole))
		return r, "private cluster, role " + serverRole + " (SELECT only)", err
	}
	dsn := in.Settings.Values().DBServerConnection
	if dsn != "" {
		r, err = catalog.OpenReader(ctx, dsn)
		return r, settings.DBServerConnection, err
	}
	r, err = catalog.OpenReader(ctx, in.Settings.Values().DBConnection)
	return r, "proxy.db.connection, in read-only transactions; set proxy.db.server-connection to a role that can only SELECT", err
}

// OpenAdmin opens the catalogue for remote administration. On the private cluster its role may write overrides and admins alone.
// The catalogue must be open.
func (in *Instance) OpenAdmin(ctx context.Context) (*catalog.DB, error) {
	dsn := in.Settings.Values().DBConnection
	if in.Cluster != nil {
		if err := in.Catalog.CreateAdminRole(ctx, adminRole, serverRole); err != nil {
			return nil, err
		}
		dsn = in.Cluster.DSN(privateDatabase, adminRole)
	}
	return catalog.OpenAdmin(ctx, dsn)
}
