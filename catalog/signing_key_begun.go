package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrKeyLeaving reports that a server is deleting a key of the name from the token.
var ErrKeyLeaving = errors.New("a key of this name is being deleted")

// SigningKeyBegun reports whether this store has begun to make a key of a name for a brand, which may be on the token. The error is
// ErrKeyLeaving if the key is being deleted.
func (db *DB) SigningKeyBegun(ctx context.Context, brand, name string) (bool, error) {
	const q = `select brand_id, coalesce(deleting_until > now(), false) from signing_key_begun where name = $1`
	var of string
	var leaving bool
	err := db.pool.QueryRow(ctx, q, text(name)).Scan(&of, &leaving)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err == nil && leaving {
		err = ErrKeyLeaving
	}
	if err != nil {
		return false, fmt.Errorf("look for a begun key: %w", interpret(err))
	}
	return of == brand, nil
}

// BeginSigningKey notes that a key is made for a brand, before the token makes it. The token must have none of the name. The error is
// ErrSigningKeyExists if one is made for another brand.
func (db *DB) BeginSigningKey(ctx context.Context, brand, name string) error {
	const q = `
		insert into signing_key_begun as b (name, brand_id) values ($1, $2)
		on conflict (name) do update set brand_id = excluded.brand_id, begun_at = now(), deleting_until = null
		where b.brand_id = excluded.brand_id or b.begun_at < now() - interval '1 hour'`
	t, err := db.pool.Exec(ctx, q, text(name), text(brand))
	if err == nil && t.RowsAffected() == 0 {
		err = ErrSigningKeyExists
	}
	if err != nil {
		return fmt.Errorf("begin a signing key: %w", interpret(err))
	}
	return nil
}

// leave notes that a key is deleted from the token within a time.
func (k *SigningKey) leave(ctx context.Context, tx pgx.Tx, within time.Duration) error {
	const q = `
		insert into signing_key_begun as b (name, brand_id, deleting_until) values ($1, $2, now() + $3)
		on conflict (name) do update set brand_id = excluded.brand_id, begun_at = now(), deleting_until = excluded.deleting_until`
	_, err := tx.Exec(ctx, q, k.Name, k.BrandID, within)
	return err
}

// EndSigningKey notes that a key that was removed has left the token, or that it stays there, so that it can be added again.
func (db *DB) EndSigningKey(ctx context.Context, brand, name string, stays bool) error {
	q := `delete from signing_key_begun where name = $1 and brand_id = $2`
	if stays {
		q = `update signing_key_begun set deleting_until = null where name = $1 and brand_id = $2`
	}
	if _, err := db.pool.Exec(ctx, q, text(name), text(brand)); err != nil {
		return fmt.Errorf("end a signing key: %w", interpret(err))
	}
	return nil
}
