package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/assertion"
)

// Assertion returns the newest revision of an assertion in the catalogue. The error is assertion.ErrNotFound if there is none.
func (db *DB) Assertion(ctx context.Context, ref assertion.Ref) (*assertion.Assertion, error) {
	const q = `select raw from assertion where type = $1 and primary_key = $2 order by revision desc, format desc limit 1`
	var raw []byte
	err := db.pool.QueryRow(ctx, q, ref.Type, ref.PrimaryKey).Scan(&raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, assertion.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, interpret(err))
	}
	return assertion.Decode(raw)
}
