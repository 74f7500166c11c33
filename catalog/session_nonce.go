package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrFull reports that no more nonces can be recorded until others expire.
var ErrFull = errors.New("too many nonces are recorded")

// maxNonces bounds the rows of session_nonce, which have 16 bytes each.
const maxNonces = 1 << 20

// UseNonce records a nonce of a device's session. It returns false if the nonce was recorded before, by this server or another one. The
// nonce must be kept until it expires. Like AddWanted, it needs rights for its table.
func (r *Reader) UseNonce(ctx context.Context, id []byte, expires time.Time) (fresh bool, err error) {
	const q = `insert into session_nonce (id, expires_at) values ($1, $2) on conflict do nothing`
	if r.fullNonces.Load() {
		return false, fmt.Errorf("record a nonce: %w", ErrFull)
	}
	// All statements travel at once. After a failure, the connection is in a transaction, so the pool closes it.
	var b pgx.Batch
	b.Queue(`begin read write`)
	b.Queue(`set local synchronous_commit = off`) // only a crash within a second loses the nonce, and nobody waits for the disk
	b.Queue(q, id, expires).Exec(func(tag pgconn.CommandTag) error {
		fresh = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(`commit`)
	if err := r.pool.SendBatch(ctx, &b).Close(); err != nil {
		return false, fmt.Errorf("record a nonce: %w", interpret(err))
	}
	return fresh, nil
}

// ForgetNonces removes the nonces that expired before a time. Until it is called again, UseNonce records none if too many are left.
func (r *Reader) ForgetNonces(ctx context.Context, before time.Time) error {
	var left int
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from session_nonce where expires_at < $1`, before); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select count(*) from session_nonce`).Scan(&left)
	})
	if err != nil {
		return fmt.Errorf("forget expired nonces: %w", interpret(err))
	}
	r.fullNonces.Store(left >= maxNonces)
	return nil
}
