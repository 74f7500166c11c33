package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// bumpQuery starts a new generation, and notifies the servers on a channel when the transaction commits.
const bumpQuery = `
	with g as (update generation set number = number + 1 returning number)
	select pg_notify($1, number::text) from g`

// bump runs bumpQuery.
func bump(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, bumpQuery, channelName)
	return err
}
