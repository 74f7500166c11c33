package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// State returns the number of the catalogue's newest state, and a name that tells the databases of different stores apart. It is empty before
// the first import.
func (db *DB) State(ctx context.Context) (store string, generation int64, err error) {
	const q = `select number, (select coalesce(extract(epoch from min(imported_at))::text, '') from import) from generation`
	err = db.pool.QueryRow(ctx, q).Scan(&generation, &store)
	if err != nil {
		return "", 0, fmt.Errorf("read the generation: %w", interpret(err))
	}
	return store, generation, nil
}

// requireGeneration returns ErrChanged if the catalogue has another generation than want, unless that is 0.
func requireGeneration(ctx context.Context, tx pgx.Tx, want int64) error {
	if want == 0 {
		return nil
	}
	var n int64
	if err := tx.QueryRow(ctx, `select number from generation`).Scan(&n); err != nil {
		return err
	}
	if n != want {
		return ErrChanged
	}
	return nil
}

// bumpQuery starts a new generation, and notifies the servers on a channel when the transaction commits.
const bumpQuery = `
	with g as (update generation set number = number + 1 returning number)
	select pg_notify($1, number::text) from g`

// bump runs bumpQuery.
func bump(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, bumpQuery, channelName)
	return err
}
