package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RollbackRecord is one rollback in the history.
type RollbackRecord struct {
	ID int64 `json:"rollback"`
	// Import is the first import that was taken back.
	Import int64      `json:"import"`
	By     string     `json:"made-by"`
	At     time.Time  `json:"made-at"`
	Report RolledBack `json:"report"`
}

// Rollbacks returns the rollbacks, newest first.
func (db *DB) Rollbacks(ctx context.Context) ([]RollbackRecord, error) {
	const q = `
		select id, import_id, made_by, coalesce(at, made_at), report from rollback left join audit on number = audit_row order by id desc`
	rows, err := db.pool.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	var out []RollbackRecord
	var r RollbackRecord
	var report string
	_, err = pgx.ForEachRow(rows, []any{&r.ID, &r.Import, &r.By, &r.At, &report}, func() error {
		r.Report = RolledBack{}
		if err := json.Unmarshal([]byte(report), &r.Report); err != nil {
			return fmt.Errorf("rollback %d: %w", r.ID, err)
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	return out, nil
}

// ChannelAct is an act of an operator about channels in the history: a hold, a release, a promotion, or a closed channel.
type ChannelAct struct {
	Row     int64           `json:"audit-row"`
	At      time.Time       `json:"at"`
	What    string          `json:"act"`
	Subject string          `json:"subject"`
	Who     string          `json:"who"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
}

// ChannelActs returns the acts of operators about channels from the audit trail, newest first.
func (db *DB) ChannelActs(ctx context.Context) ([]ChannelAct, error) {
	const q = `
		select number, at, content from audit
		where content like any(array['%"what":"hold","who":"%', '%"what":"release","who":"%', '%"what":"promote","who":"%', '%"what":"close-channel","who":"%'])
		order by number desc`
	rows, err := db.pool.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", interpret(err))
	}
	var out []ChannelAct
	var number int64
	var at time.Time
	var content string
	_, err = pgx.ForEachRow(rows, []any{&number, &at, &content}, func() error {
		var row struct {
			What, Subject, Who string
			Before, After      json.RawMessage
		}
		if err := json.Unmarshal([]byte(content), &row); err != nil {
			return fmt.Errorf("row %d: %w", number, err)
		}
		out = append(out, ChannelAct{number, at, row.What, row.Subject, row.Who, row.Before, row.After})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", interpret(err))
	}
	return out, nil
}
