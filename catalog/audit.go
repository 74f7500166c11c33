package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

// appendAudit adds a row for each act to the audit trail, in the caller's transaction. Until that ends, no other transaction can add rows, so
// the caller does it last.
func appendAudit(ctx context.Context, tx pgx.Tx, acts ...audit.Act) error {
	return appendEvents(ctx, tx, audit.Events(audit.ActorOf(ctx), acts...))
}

func appendEvents(ctx context.Context, tx pgx.Tx, events []audit.Event) error {
	_, err := addRows(ctx, tx, events)
	return err
}

// addRows adds a row for each event that has none, and returns the number of the first one.
func addRows(ctx context.Context, tx pgx.Tx, events []audit.Event) (first int64, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	tip, err := lockTrail(ctx, tx)
	if err != nil {
		return 0, err
	}
	if events, err = newEvents(ctx, tx, events); err != nil {
		return 0, err
	}
	first = tip.Number + 1
	numbers, times, ids := make([]int64, len(events)), make([]time.Time, len(events)), make([]*string, len(events))
	hashes, contents := make([]string, len(events)), make([]string, len(events))
	for i, e := range events {
		entry, err := tip.Next(e)
		if err != nil {
			return 0, err
		}
		numbers[i], times[i], hashes[i], contents[i] = entry.Number, entry.At, entry.Hash, string(entry.Content)
		if entry.ID != "" {
			ids[i] = &entry.ID
		}
	}
	const q = `insert into audit (number, at, event, hash, content) select * from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])`
	_, err = tx.Exec(ctx, q, numbers, times, ids, hashes, contents)
	return first, err
}

// lockTrail makes the transaction the only one that adds rows, and returns the last row.
func lockTrail(ctx context.Context, tx pgx.Tx) (tip audit.Tip, err error) {
	var b pgx.Batch
	b.Queue(`select pg_advisory_xact_lock($1)`, int64(auditLock))
	b.Queue(lastRow).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&tip.Number, &tip.Hash); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	return tip, tx.SendBatch(ctx, &b).Close()
}

const lastRow = `select number, hash from audit order by number desc limit 1`

// newEvents returns the events that have no row yet.
func newEvents(ctx context.Context, tx pgx.Tx, events []audit.Event) ([]audit.Event, error) {
	ids := []string{}
	for _, e := range events {
		if e.ID != "" {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return events, nil
	}
	rows, err := tx.Query(ctx, `select event from audit where event = any($1)`, ids)
	if err != nil {
		return nil, err
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return slices.DeleteFunc(slices.Clone(events), func(e audit.Event) bool { return e.ID != "" && slices.Contains(known, e.ID) }), err
}
