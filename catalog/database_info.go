package catalog

import (
	"context"
	"errors"
	"fmt"
)

// DatabaseInfo describes the database.
type DatabaseInfo struct {
	// PostgreSQL is the server's major version. Schema is the version of the catalogue's tables.
	PostgreSQL, Schema int
	// Generation is the number of the catalogue's newest state.
	Generation int64
	// Size is the size of the database in bytes.
	Size int64
}

// DatabaseInfo returns the versions, the generation and the size of the database.
func (db *DB) DatabaseInfo(ctx context.Context) (info DatabaseInfo, err error) {
	const q = `
		select current_setting('server_version_num')::int / 10000, (select version from public.schema_version),
			(select number from generation), pg_database_size(current_database())`
	if err := db.pool.QueryRow(ctx, q).Scan(&info.PostgreSQL, &info.Schema, &info.Generation, &info.Size); err != nil {
		return info, fmt.Errorf("look at the database: %w", interpret(err))
	}
	return info, nil
}

// KnownSchema returns the version of the tables that this program works with. It upgrades older ones, and refuses newer ones.
func KnownSchema() (int, error) {
	files, err := migrations.ReadDir("migrations")
	return len(files), err
}

// ErrNotEmpty reports a database that has tables and should have none.
var ErrNotEmpty = errors.New("the database is not empty")

// CheckEmpty returns the major version of the server of an empty database. The error wraps ErrNotEmpty if there is a table, no
// matter who owns it.
func CheckEmpty(ctx context.Context, dsn string) (version int, err error) {
	pool, err := connect(ctx, dsn, true)
	if err != nil {
		return 0, err
	}
	defer closePool(pool)
	const q = `
		select current_setting('server_version_num')::int / 10000, count(*) from pg_class c join pg_namespace n on n.oid = relnamespace
		where nspname not in ('pg_catalog', 'information_schema') and nspname not like 'pg\_toast%' and nspname not like 'pg\_temp%'
			and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')`
	var tables int
	if err := pool.QueryRow(ctx, q).Scan(&version, &tables); err != nil {
		return 0, fmt.Errorf("look at the database: %w", interpret(err))
	}
	if tables > 0 {
		return version, fmt.Errorf("%w: it has %d tables, indexes or the like", ErrNotEmpty, tables)
	}
	return version, nil
}
