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
	// lockKey is the lock that imports share and gc holds exclusively.
	lockKey = 0x6f66666c696e65
	// schemaLock is held while tables or rights change. PostgreSQL does not permit two such changes at once.
	schemaLock = lockKey + 1
	// applyLock is held by the one import that changes the catalogue. The transactions are short. Without the lock, imports that
	// touch the same rows in different orders could deadlock, and PostgreSQL would end one of them.
	applyLock = lockKey + 2
	// wantedLock is held while the wanted items change. Servers and imports would lock rows in different orders.
	wantedLock = lockKey + 3
	// auditLock is held while rows are added to the audit trail, from the last statement of a transaction to its end.
	auditLock = lockKey + 4
	// edgeLock is held while servers note devices and releases, which they would lock in different orders.
	edgeLock = lockKey + 5
)

// unlockTimeout limits the wait for an unresponsive database when the program ends.
const unlockTimeout = time.Second

// lock is the state of Lock, with the connection that holds the lock in PostgreSQL.
type lock struct {
	mu   sync.Mutex
	conn *pgxpool.Conn
}

// Lock keeps gc out, or everyone when exclusive, until release is called. If the lock is held by another, it returns ErrBusy
// without waiting. A DB holds one lock at a time.
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

// keepLock makes the transaction a holder of the lock, and then makes sure that the lock of Lock was not lost before, for example
// by a restart of PostgreSQL. Otherwise gc may have removed blobs that the import needs.
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
	if _, err := db.lock.conn.Exec(ctx, `select`); err != nil {
		return fmt.Errorf("the store's lock was lost: %w", err)
	}
	return nil
}

// lockSchema waits for other processes that change tables or rights.
func (db *DB) lockSchema(ctx context.Context) (conn *pgxpool.Conn, release func(), err error) {
	if conn, err = db.pool.Acquire(ctx); err != nil {
		return nil, nil, err
	}
	if err := awaitLock(ctx, conn, `select pg_try_advisory_lock($1)`, schemaLock); err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		conn.Exec(ctx, `select pg_advisory_unlock($1)`, schemaLock) // otherwise, closing the connection unlocks it
		conn.Release()
	}, nil
}

// lockApply makes the transaction the only one that changes the catalogue.
func lockApply(ctx context.Context, tx pgx.Tx) error {
	return awaitLock(ctx, tx, `select pg_try_advisory_xact_lock($1)`, applyLock)
}

// The time between two attempts to take a lock.
const (
	firstLockDelay = time.Millisecond
	maxLockDelay   = 100 * time.Millisecond
)

// awaitLock asks for a lock until it gets it. A statement that waits in the database for others would look like a database that hangs.
func awaitLock(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, q string, key int64) error {
	for delay := firstLockDelay; ; delay = min(2*delay, maxLockDelay) {
		var ok bool
		if err := db.QueryRow(ctx, q, key).Scan(&ok); err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
	}
}
