package catalog

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MinVersion is the oldest PostgreSQL that the catalogue works with.
const MinVersion = 13

// channelName is the channel of the catalogue's notifications.
const channelName = "offlinestore_catalogue"

// DB is the catalogue, for reading and writing.
type DB struct {
	pool *pgxpool.Pool
	lock lock
}

// Open connects to the catalogue, and creates or upgrades its tables. It holds a lock, so that several processes may start at
// once.
func Open(ctx context.Context, dsn string) (*DB, error) {
	pool, err := connect(ctx, dsn, false)
	if err != nil {
		return nil, err
	}
	s := &DB{pool: pool}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("upgrade the catalogue's tables: %w", interpret(err))
	}
	return s, nil
}

// Close closes the connections.
func (db *DB) Close() { db.pool.Close() }

func connect(ctx context.Context, dsn string, readOnly bool) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The error quotes the connection string. pgx removes the password from it.
		return nil, fmt.Errorf("connection string: %w", err)
	}
	cfg.MaxConns = 8
	cfg.ConnConfig.RuntimeParams["application_name"] = "snap-store-proxy"
	if readOnly {
		cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", interpret(err))
	}
	if err := requireKnownVersion(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func requireKnownVersion(ctx context.Context, pool *pgxpool.Pool) error {
	const q = `select current_setting('server_version_num')::int / 10000`
	var version int
	if err := pool.QueryRow(ctx, q).Scan(&version); err != nil {
		return fmt.Errorf("connect to the database: %w", interpret(err))
	}
	if version < MinVersion {
		return fmt.Errorf("the database is PostgreSQL %d; want %d or newer", version, MinVersion)
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	// tern creates its table before it takes its own lock. Without lockSchema, two processes that start at once would collide.
	conn, release, err := db.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer release()
	m, err := migrate.NewMigrator(ctx, conn.Conn(), "public.schema_version")
	if err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := m.LoadMigrations(files); err != nil {
		return err
	}
	have, err := m.GetCurrentVersion(ctx)
	if err != nil {
		return err
	}
	if int(have) > len(m.Migrations) {
		return fmt.Errorf("%w: they are of version %d, this program knows %d", ErrTooNew, have, len(m.Migrations))
	}
	return m.Migrate(ctx)
}
