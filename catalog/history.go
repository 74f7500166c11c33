package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/opencontainers/go-digest"
)

// Record is one import in the history.
type Record struct {
	ID         int64         `json:"id"`
	Bundle     digest.Digest `json:"bundle"`
	Name       string        `json:"name"`
	Signer     string        `json:"signer"`
	SignedAt   time.Time     `json:"signed-at"`
	Sequence   uint64        `json:"sequence"`
	Exporter   string        `json:"exporter"`
	Program    string        `json:"program"`
	ImportedAt time.Time     `json:"imported-at"`
	Report     Report        `json:"report"`
	// Rollback is the number of the rollback that took the import back, or 0.
	Rollback int64 `json:"rollback,omitempty"`
}

// History returns the imports, newest first. The times are from the audit trail, where it has them. If bundle is not empty, it returns only the imports of this bundle.
func (db *DB) History(ctx context.Context, bundle digest.Digest) ([]Record, error) {
	const q = `
		select id, bundle, name, signer, signed_at, sequence, exporter, program, coalesce(at, imported_at), report, coalesce(rollback_id, 0)
		from import left join audit on number = audit_row
		where $1 in ('', bundle) order by id desc`
	rows, err := db.pool.Query(ctx, q, bundle.String())
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	var out []Record
	var r Record
	var d, report string
	var sequence int64
	_, err = pgx.ForEachRow(rows, []any{&r.ID, &d, &r.Name, &r.Signer, &r.SignedAt, &sequence, &r.Exporter, &r.Program, &r.ImportedAt, &report, &r.Rollback}, func() error {
		r.Bundle, r.Sequence, r.Report = digest.Digest(d), uint64(sequence), Report{}
		if err := json.Unmarshal([]byte(report), &r.Report); err != nil {
			return fmt.Errorf("import %d: %w", r.ID, err)
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	return out, nil
}

// Ping returns an error if the database does not answer.
func (db *DB) Ping(ctx context.Context) error { return ping(ctx, db.pool) }

// Ping returns an error if the database does not answer.
func (r *Reader) Ping(ctx context.Context) error { return ping(ctx, r.pool) }

// ping runs a statement, since a ping of pgx has no bound.
func ping(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `select`)
	return interpret(err)
}
