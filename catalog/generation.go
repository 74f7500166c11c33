package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// bump starts a new generation, and notifies the servers when the transaction commits.
func bump(ctx context.Context, tx pgx.Tx) error {
	const q = `
		with g as (update generation set number = number + 1 returning number)
		select pg_notify($1, number::text) from g`
	_, err := tx.Exec(ctx, q, channelName)
	return err
}
