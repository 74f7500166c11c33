package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// assertions keeps the newest revision of each assertion and format.
func (a *applier) assertions() error {
	const q = `
		insert into assertion (type, primary_key, format, revision, raw) values ($1, $2, $3, $4, $5)
		on conflict (type, primary_key, format) do update set revision = excluded.revision, raw = excluded.raw
		where assertion.revision < excluded.revision`
	items := make(map[string]bool, len(a.in.AssertionItems))
	for _, ref := range a.in.AssertionItems {
		items[ref.Key()] = true
	}
	b := &pgx.Batch{}
	for _, as := range a.in.Assertions {
		item := AssertionItem{as.Type, as.PrimaryKey}
		b.Queue(q, as.Type, as.PrimaryKey, as.Format, as.Revision, as.Raw).Exec(func(t pgconn.CommandTag) error {
			a.r.Assertions += int(t.RowsAffected())
			if key := assertion.Ref(item).Key(); t.RowsAffected() > 0 && items[key] {
				delete(items, key) // another format of it adds no line
				a.r.AssertionItems = append(a.r.AssertionItems, item)
			}
			return nil
		})
	}
	return a.send(b)
}
