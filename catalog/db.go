package catalog

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MinVersion is the oldest PostgreSQL that the catalogue works with.
const MinVersion = 13

// channelName is the channel of the catalogue's notifications.
const channelName = "offlinestore_catalogue"

// The bounds of connections.
const (
	// maxConns is the number of connections of a process. A push uses the one of its lock and one more.
	maxConns = 8
	// connectTimeout is the time for each host of a connection that sets no connect_timeout.
	connectTimeout = 5 * time.Second
	// readTimeout bounds a statement that reads, and changeTimeout one that changes something. A database that hangs must not hold a
	// command for ever.
	readTimeout   = 2 * time.Minute
	changeTimeout = 10 * time.Minute
	// pingTimeout is the time for a sign of life of a connection that was idle.
	pingTimeout = 10 * time.Second
	// crowdTimeout is the time to wait for a connection while others have all of them.
	crowdTimeout = 20 * time.Second
	closeTimeout = time.Second
)

// DB is the catalogue, for reading and writing.
type DB struct {
	pool *pgxpool.Pool
	lock lock
}

// Open connects to the catalogue, and creates or upgrades its tables. It holds a lock, so that several processes may start at
// once.
func Open(ctx context.Context, dsn string) (*DB, error) { return open(ctx, dsn, true) }

// OpenExisting opens a catalogue that must be there already. It upgrades older tables. The error may be an ErrNoTables.
func OpenExisting(ctx context.Context, dsn string) (*DB, error) { return open(ctx, dsn, false) }

func open(ctx context.Context, dsn string, create bool) (*DB, error) {
	pool, err := connect(ctx, dsn, false)
	if err != nil {
		return nil, err
	}
	s := &DB{pool: pool}
	if err := s.prepareTables(ctx, create); err != nil {
		closePool(pool)
		return nil, err
	}
	return s, nil
}

// prepareTables creates or upgrades the tables. Most commands find them in order, and take no lock.
func (db *DB) prepareTables(ctx context.Context, create bool) error {
	current, err := db.isCurrent(ctx)
	if current && err == nil {
		return nil
	}
	if err == nil && !create {
		if err := db.requireTables(ctx); err != nil {
			return err
		}
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		return fmt.Errorf("upgrade the catalogue's tables: %w", interpret(err))
	}
	return nil
}

// isCurrent reports whether nothing in the tables needs an upgrade.
func (db *DB) isCurrent(ctx context.Context) (bool, error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return false, err
	}
	const q = `select version, exists (select from snap_revision where contents is null) from public.schema_version`
	var version int
	var old bool
	err = db.pool.QueryRow(ctx, q).Scan(&version, &old)
	if isCode(err, "42P01") || isCode(err, "42703") || errors.Is(err, pgx.ErrNoRows) { // undefined_table, undefined_column
		return false, nil
	}
	if err == nil && version > len(files) {
		return true, db.requireCompatible(ctx, version, len(files))
	}
	return err == nil && version == len(files) && !old, err
}

// requireCompatible returns ErrTooNew unless a program that knows some migrations may work with tables of a later version.
func (db *DB) requireCompatible(ctx context.Context, version, known int) error {
	var least int
	err := db.pool.QueryRow(ctx, `select least from compatibility`).Scan(&least)
	if isCode(err, "42P01") || errors.Is(err, pgx.ErrNoRows) || err == nil && least > known { // undefined_table
		return fmt.Errorf("%w: they are of version %d, this program knows %d", ErrTooNew, version, known)
	}
	return err
}

func (db *DB) requireTables(ctx context.Context) error {
	var there bool
	if err := db.pool.QueryRow(ctx, `select to_regclass('public.schema_version') is not null`).Scan(&there); err != nil {
		return fmt.Errorf("look for the catalogue's tables: %w", interpret(err))
	}
	if !there {
		return ErrNoTables
	}
	return nil
}

// Close closes the connections.
func (db *DB) Close() { closePool(db.pool) }

func connect(ctx context.Context, dsn string, readOnly bool) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// The error quotes the connection string. pgx removes the password from it.
		return nil, fmt.Errorf("connection string: %w", err)
	}
	if err := adaptOptions(&cfg.ConnConfig.Config); err != nil {
		return nil, err
	}
	cfg.MaxConns = maxConns
	cfg.ConnConfig.RuntimeParams["application_name"] = "snap-store-proxy"
	if cfg.ConnConfig.ConnectTimeout <= 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	cfg.ConnConfig.Tracer = &bound{readTimeout, changeTimeout}
	cfg.BeforeConnect = silent.watch
	cfg.PingTimeout = pingTimeout
	if readOnly {
		// As a parameter of the connection, it would make each host look like a standby to target_session_attrs.
		cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `set default_transaction_read_only = on`)
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", interpret(err))
	}
	if err := awaitConnection(ctx, pool); err != nil {
		closePool(pool)
		return nil, err
	}
	return pool, nil
}

// awaitConnection makes the first connection. If other processes have all of the server's connections, it waits for them.
func awaitConnection(ctx context.Context, pool *pgxpool.Pool) error {
	for began := time.Now(); ; {
		err := requireKnownVersion(ctx, pool)
		if !isCode(err, "53300") || time.Since(began) > crowdTimeout { // too_many_connections
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(crowdTimeout / 100):
		}
	}
}

// closePool closes the connections. It does not wait long for a database that does not answer.
func closePool(pool *pgxpool.Pool) {
	done := make(chan struct{})
	go func() {
		pool.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(closeTimeout):
	}
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
	if err := m.Migrate(ctx); err != nil {
		return err
	}
	return fillContents(ctx, conn)
}
