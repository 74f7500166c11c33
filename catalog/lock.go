package catalog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The advisory locks. Any numbers of our own will do.
const (
	// lockKey is what imports share and gc takes for itself.
	lockKey = 0x6f66666c696e65
	// schemaLock is held while tables or rights change, which PostgreSQL does not let two do at once.
	schemaLock = lockKey + 1
	// applyLock is held by the one import that changes the catalogue. The transactions are short, and imports that wait in line
	// can't run into each other's rows in another order, which PostgreSQL would end one of them for.
	applyLock = lockKey + 2
)

// unlockTimeout is how long a program that wants to end waits for a database that does not answer.
const unlockTimeout = 5 * time.Second

// lock is what Lock holds, by the connection that PostgreSQL knows its owner by.
type lock struct {
	mu   sync.Mutex
	conn *pgxpool.Conn
}

// Lock keeps gc out, or everyone when exclusive, until release is called. It fails with ErrBusy rather than wait. A DB
// holds one lock at a time.
func (db *DB) Lock(ctx context.Context, exclusive bool) (release func(), err error) {
	db.lock.mu.Lock()
	defer db.lock.mu.Unlock()
	if db.lock.conn != nil {
		return nil, ErrBusy
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, interpret(err)
	}
	q := `select pg_try_advisory_lock_shared($1)`
	if exclusive {
		q = `select pg_try_advisory_lock($1)`
	}
	var ok bool
	if err := conn.QueryRow(ctx, q, lockKey).Scan(&ok); err != nil {
		conn.Release()
		return nil, interpret(err)
	}
	if !ok {
		conn.Release()
		return nil, ErrBusy
	}
	db.lock.conn = conn
	return db.unlock, nil
}

func (db *DB) unlock() {
	db.lock.mu.Lock()
	defer db.lock.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	db.lock.conn.Exec(ctx, `select pg_advisory_unlock_all()`) // if it fails, closing the connection does it
	db.lock.conn.Release()
	db.lock.conn = nil
}

// keepLock makes the transaction a holder of the lock, and then sees that Lock's was not lost before, as when PostgreSQL was
// restarted: gc may have removed blobs since, that the import counts on.
func (db *DB) keepLock(ctx context.Context, tx pgx.Tx) error {
	db.lock.mu.Lock()
	defer db.lock.mu.Unlock()
	if db.lock.conn == nil {
		return nil
	}
	var ok bool
	if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock_shared($1)`, lockKey).Scan(&ok); err != nil {
		return err
	}
	if !ok {
		return ErrBusy
	}
	if err := db.lock.conn.Ping(ctx); err != nil {
		return fmt.Errorf("the store's lock was lost: %w", err)
	}
	return nil
}

// lockSchema waits for other processes that change tables or rights.
func (db *DB) lockSchema(ctx context.Context) (conn *pgxpool.Conn, release func(), err error) {
	if conn, err = db.pool.Acquire(ctx); err != nil {
		return nil, nil, err
	}
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, schemaLock); err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, func() {
		conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, schemaLock) // closing the connection would do it too
		conn.Release()
	}, nil
}
