package catalog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
)

// Trail is the audit trail of a catalogue.
type Trail struct {
	begin func(ctx context.Context, o pgx.TxOptions, fn func(pgx.Tx) error) error
}

// Trail returns the audit trail.
func (db *DB) Trail() Trail {
	return Trail{func(ctx context.Context, o pgx.TxOptions, fn func(pgx.Tx) error) error {
		return pgx.BeginTxFunc(ctx, db.pool, o, fn)
	}}
}

// Trail returns the audit trail.
func (r *Reader) Trail() Trail {
	return Trail{func(ctx context.Context, o pgx.TxOptions, fn func(pgx.Tx) error) error {
		return pgx.BeginTxFunc(ctx, r.pool, o, fn)
	}}
}

var (
	toRead  = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	toWrite = pgx.TxOptions{AccessMode: pgx.ReadWrite}
)

// Add adds events. Those with an ID that has a row are left out.
func (t Trail) Add(ctx context.Context, events []audit.Event) error {
	err := t.begin(ctx, toWrite, func(tx pgx.Tx) error { return appendEvents(ctx, tx, events) })
	if err != nil {
		return fmt.Errorf("add to the audit trail: %w", interpret(err))
	}
	return nil
}

// Tip returns the last row. If there is no row at all, it is the zero Tip.
func (t Trail) Tip(ctx context.Context) (audit.Tip, error) {
	return t.tip(ctx, lastRow)
}

// Hash returns the hash of a row. It is empty if there is no such row.
func (t Trail) Hash(ctx context.Context, number int64) (string, error) {
	tip, err := t.tip(ctx, `select number, hash from audit where number = $1`, number)
	return tip.Hash, err
}

// Has reports whether there is a row of an event with an ID.
func (t Trail) Has(ctx context.Context, id string) (bool, error) {
	tip, err := t.tip(ctx, `select number, hash from audit where event = $1`, id)
	return tip.Number > 0, err
}

// Before returns the last row before the first one that is not older than at.
func (t Trail) Before(ctx context.Context, at time.Time) (audit.Tip, error) {
	const q = `select number, hash from audit where number < coalesce((select min(number) from audit where at >= $1), 9223372036854775807) order by number desc limit 1`
	return t.tip(ctx, q, at)
}

func (t Trail) tip(ctx context.Context, q string, args ...any) (tip audit.Tip, err error) {
	err = t.begin(ctx, toRead, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, q, args...).Scan(&tip.Number, &tip.Hash)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return tip, fmt.Errorf("read the audit trail: %w", interpret(err))
	}
	return tip, nil
}

// Sign signs the tip, unless a head by the key has it already. It returns the head, which is nil for an empty trail.
func (t Trail) Sign(ctx context.Context, key audit.Key) (head *audit.Head, err error) {
	const add = `insert into audit_head (number, hash, at, key_id, content, signature) values ($1, $2, $3, $4, $5, $6)`
	err = t.begin(ctx, toWrite, func(tx pgx.Tx) error {
		var tip audit.Tip
		err := tx.QueryRow(ctx, lastRow).Scan(&tip.Number, &tip.Hash)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		heads, err := readHeads(ctx, tx, headColumns+`where number = $1 and hash = $2 and key_id = $3 limit 1`, tip.Number, tip.Hash, key.Public().ID())
		if err != nil {
			return err
		}
		if len(heads) > 0 {
			head = heads[0]
			return nil
		}
		if head, err = key.SignHead(tip, time.Now()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, add, head.Number, head.Hash, head.At, head.Key, string(head.Content), head.Signature)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign the audit trail: %w", interpret(err))
	}
	return head, nil
}

// NewestHead returns the newest signed head, which is nil if there is none.
func (t Trail) NewestHead(ctx context.Context) (head *audit.Head, err error) {
	err = t.begin(ctx, toRead, func(tx pgx.Tx) (err error) {
		head, err = newestHead(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", interpret(err))
	}
	return head, nil
}

const headColumns = `select number, hash, at, key_id, content, signature from audit_head `

func newestHead(ctx context.Context, tx pgx.Tx) (*audit.Head, error) {
	heads, err := readHeads(ctx, tx, headColumns+`order by number desc, id desc limit 1`)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	return heads[0], nil
}

func readHeads(ctx context.Context, tx pgx.Tx, q string, args ...any) ([]*audit.Head, error) {
	rows, err := tx.Query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*audit.Head, error) {
		var h audit.Head
		var content string
		err := row.Scan(&h.Number, &h.Hash, &h.At, &h.Key, &content, &h.Signature)
		h.Content = []byte(content)
		return &h, err
	})
}

// Visitor takes the rows and the signed heads of a trail in their order. Head may be nil.
type Visitor struct {
	Row  func(audit.Entry) error
	Head func(*audit.Head) error
}

// pageSize is the number of rows that Read takes from the database at once.
const pageSize = 2000

// Read shows the rows after the number after, up to and including last, and after each row the heads that name it. After the last row it also
// shows the heads beyond, which name rows that are gone.
func (t Trail) Read(ctx context.Context, after, last int64, v Visitor) error {
	for first := true; first || after < last; first = false {
		entries, heads, err := t.page(ctx, after, last)
		if err != nil {
			return fmt.Errorf("read the audit trail: %w", interpret(err))
		}
		for _, e := range entries {
			if heads, err = v.headsBelow(heads, e.Number); err != nil {
				return err
			}
			if err := v.Row(e); err != nil {
				return err
			}
			after = e.Number
		}
		if len(entries) < pageSize {
			_, err = v.headsBelow(heads, math.MaxInt64)
			return err
		}
		if _, err = v.headsBelow(heads, after+1); err != nil {
			return err
		}
	}
	return nil
}

// headsBelow shows the heads that name rows below a number, and returns the others.
func (v Visitor) headsBelow(heads []*audit.Head, number int64) ([]*audit.Head, error) {
	for len(heads) > 0 && heads[0].Number < number {
		if v.Head != nil {
			if err := v.Head(heads[0]); err != nil {
				return nil, err
			}
		}
		heads = heads[1:]
	}
	return heads, nil
}

// page returns the next rows, and the heads that belong to them.
func (t Trail) page(ctx context.Context, after, last int64) (entries []audit.Entry, heads []*audit.Head, err error) {
	const q = `select number, at, hash, content from audit where number > $1 and number <= $2 order by number limit $3`
	err = t.begin(ctx, toRead, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, q, after, last, pageSize)
		if err != nil {
			return err
		}
		entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e audit.Entry, err error) {
			var content string
			err = row.Scan(&e.Number, &e.At, &e.Hash, &content)
			e.Content = []byte(content)
			return e, err
		})
		if err != nil {
			return err
		}
		until := last
		if len(entries) == pageSize {
			until = entries[pageSize-1].Number
		}
		heads, err = readHeads(ctx, tx, headColumns+`where number > $1 and number <= $2 order by number, id`, after, until)
		return err
	})
	return entries, heads, err
}

// Contradiction is an entry of the history that is not the one of its row.
type Contradiction struct {
	Row  int64
	Text string
}

// Contradictions compares the history of imports and removals with their rows.
func (t Trail) Contradictions(ctx context.Context) (list []Contradiction, err error) {
	const q = `
		with entry as (
			select 'import' as kind, id, audit_row, encode(sha256(convert_to(report::text, 'UTF8')), 'hex') as sum from import
			union all select 'removal', id, audit_row, encode(sha256(convert_to(report::text, 'UTF8')), 'hex') from removal
			union all select 'rollback', id, audit_row, encode(sha256(convert_to(report::text, 'UTF8')), 'hex') from rollback)
		select number, kind || ' ' || id || ' of the history has another report' from audit join entry on audit_row = number
		where position('"report-sha256":"' || sum || '"' in content) = 0
		union all select number, 'the history lacks it' from audit
		where (content like '%"what":"push","who":"%' or content like '%"what":"remove","who":"%' or content like '%"what":"prune","who":"%' or content like '%"what":"replace","who":"%' or content like '%"what":"rollback","who":"%') and not exists (select from entry where audit_row = number)
		order by 1`
	err = t.begin(ctx, toRead, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, q)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Contradiction])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare the history with the audit trail: %w", interpret(err))
	}
	return list, nil
}

// Size returns the number of rows, and the bytes that the trail takes in the database.
func (t Trail) Size(ctx context.Context) (rows, bytes int64, err error) {
	const q = `select coalesce(max(number), 0), pg_total_relation_size('audit') + pg_total_relation_size('audit_head') from audit`
	err = t.begin(ctx, toRead, func(tx pgx.Tx) error { return tx.QueryRow(ctx, q).Scan(&rows, &bytes) })
	if err != nil {
		return 0, 0, fmt.Errorf("read the audit trail: %w", interpret(err))
	}
	return rows, bytes, nil
}
