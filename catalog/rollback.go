package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

// Rollback asks to return the channels, the names of images and the withdrawals to their state before an import.
type Rollback struct {
	// Import is the number of the import, 0 for the last one that counts. All later imports are taken back, too.
	Import int64
	// By names the operator.
	By string
	// DryRun changes nothing.
	DryRun bool
	// Generation is the one of the plan, or 0. If the catalogue has changed since, nothing is changed.
	Generation int64
}

// RolledBack lists the changes of a rollback.
type RolledBack struct {
	// Rollback is its number in the history, 0 for a plan.
	Rollback int64 `json:"rollback,omitempty"`
	// Imports are taken back, the newest first.
	Imports    []TakenBack `json:"imports"`
	SnapMoves  []SnapMove  `json:"channel-moves"`
	CharmMoves []CharmMove `json:"charm-channel-moves"`
	ImageMoves []ImageMove `json:"image-moves"`
	// TagMoves are the tags of images that belong to no charm.
	TagMoves []TagMove `json:"tag-moves,omitempty"`
	// Items counts revisions of resources and charm bundles whose images change otherwise.
	Items int `json:"image-changes"`
	// Withdrawals do not count any more.
	Withdrawals []Withdrawal `json:"withdrawals"`
	// Stay has a sentence about each thing that a rollback does not return.
	Stay []string `json:"stays"`
	// Generation is the one of the catalogue before.
	Generation int64 `json:"-"`
}

// TakenBack is an import that a rollback takes back.
type TakenBack struct {
	ID       int64         `json:"import"`
	Name     string        `json:"file"`
	Bundle   digest.Digest `json:"bundle"`
	SignedAt time.Time     `json:"signed-at"`
}

// Moves counts the changes of channels and tags.
func (r *RolledBack) Moves() int { return len(r.SnapMoves) + len(r.CharmMoves) + len(r.TagMoves) }

// Names returns the names of the snaps, charms and repositories that a rollback changes, some of them several times.
func (r *RolledBack) Names() (names []string) {
	for _, m := range r.SnapMoves {
		names = append(names, m.Snap)
	}
	for _, m := range r.CharmMoves {
		names = append(names, m.Charm)
	}
	for _, m := range r.ImageMoves {
		names = append(names, m.Charm)
	}
	for _, m := range r.TagMoves {
		names = append(names, m.Repository)
	}
	for _, w := range r.Withdrawals {
		names = append(names, w.Name)
	}
	return names
}

// ErrChanged reports that the catalogue has changed since the plan.
var ErrChanged = errors.New("the store has changed since the plan")

// errNotKept reports an import of a program that did not keep the state before it.
var errNotKept = errors.New("an older program imported it, and did not keep the state before")

// RollbackError reports an import that cannot be taken back.
type RollbackError struct {
	Import int64
	// Reach is the oldest import that a rollback can take back, 0 for none.
	Reach int64
	Err   error
}

// Error names the import and the reason.
func (e *RollbackError) Error() string { return fmt.Sprintf("import %d: %v", e.Import, e.Err) }

// Unwrap returns the reason.
func (e *RollbackError) Unwrap() error { return e.Err }

// NoImportError reports that the history has no such import, or none that counts if Import is 0.
type NoImportError struct{ Import int64 }

// Error names the import.
func (e *NoImportError) Error() string {
	if e.Import == 0 {
		return "there is no import that counts"
	}
	return fmt.Sprintf("there is no import %d", e.Import)
}

// LostError lists the parts of the former state that are not in the catalogue any more.
type LostError struct{ List []string }

// Error names the first of them.
func (e *LostError) Error() string {
	more := ""
	if n := len(e.List) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	return "what was there before is gone: " + e.List[0] + more
}

// Rollback returns to the state before an import, in one transaction, and notifies the servers. Revisions, assertions, descriptions, stores
// and overrides stay.
func (db *DB) Rollback(ctx context.Context, r Rollback) (*RolledBack, error) {
	b := &rollbacker{ctx: ctx, o: r}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		b.tx = tx
		if err := b.run(); err != nil {
			return err
		}
		if r.DryRun {
			return errRollback
		}
		return b.record()
	})
	if err != nil && !errors.Is(err, errRollback) {
		return nil, fmt.Errorf("roll back: %w", interpret(err))
	}
	return b.done, nil
}

// rollbacker takes imports back in one transaction.
type rollbacker struct {
	ctx  context.Context
	tx   pgx.Tx
	o    Rollback
	done *RolledBack
	id   int64
	// first is the number of the oldest import that is taken back. before has the parts that the imports replaced, and since the first import
	// that replaced each of them.
	first  int64
	before replaced
	since  map[string]int64
	lost   []string
	b      pgx.Batch
}

func (b *rollbacker) run() error {
	c, err := lockedSnapshot(b.ctx, b.tx)
	if err != nil {
		return err
	}
	if b.o.Generation != 0 && b.o.Generation != c.Generation {
		return ErrChanged
	}
	b.done = &RolledBack{Imports: []TakenBack{}, SnapMoves: []SnapMove{}, CharmMoves: []CharmMove{}, ImageMoves: []ImageMove{},
		Withdrawals: []Withdrawal{}, Stay: []string{}, Generation: c.Generation}
	if err := b.choose(); err != nil {
		return err
	}
	if err := b.tx.QueryRow(b.ctx, `select nextval(pg_get_serial_sequence('import', 'id'))`).Scan(&b.id); err != nil {
		return err
	}
	b.b.Queue(`insert into rollback (id, import_id, made_by, report) values ($1, $2, $3, '{}')`, b.id, b.first, text(b.o.By))
	for _, step := range []func(*Snapshot) error{b.snaps, b.charms, b.items, b.tags, b.withdrawals} {
		if err := step(c); err != nil {
			return err
		}
	}
	if len(b.lost) > 0 {
		return &LostError{b.lost}
	}
	return b.tx.SendBatch(b.ctx, &b.b).Close()
}

// choose finds the imports to take back, and merges the states before them.
func (b *rollbacker) choose() error {
	const q = `
		select id, name, bundle, signed_at, coalesce(rollback_id, 0), coalesce(replaced::text, ''), coalesce(report->>'take-overs', '[]') from import
		where id >= coalesce(nullif($1, 0::bigint), (select max(id) from import where rollback_id is null)) order by id`
	rows, err := b.tx.Query(b.ctx, q, b.o.Import)
	if err != nil {
		return err
	}
	b.since = make(map[string]int64)
	var t TakenBack
	var rollback int64
	var before, takeOvers string
	found := false
	_, err = pgx.ForEachRow(rows, []any{&t.ID, &t.Name, (*string)(&t.Bundle), &t.SignedAt, &rollback, &before, &takeOvers}, func() error {
		found = found || b.o.Import == 0 || t.ID == b.o.Import
		switch {
		case rollback > 0 && t.ID == b.o.Import:
			return &RollbackError{Import: t.ID, Err: fmt.Errorf("rollback %d took it back already", rollback)}
		case rollback > 0:
			return nil
		case before == "":
			return &RollbackError{Import: t.ID, Err: errNotKept}
		}
		return b.addImport(t, before, takeOvers)
	})
	if e, ok := errors.AsType[*RollbackError](err); ok && errors.Is(err, errNotKept) {
		const reach = `select coalesce(min(id), 0) from import where rollback_id is null and id > (select coalesce(max(id), 0) from import where rollback_id is null and replaced is null)`
		if err := b.tx.QueryRow(b.ctx, reach).Scan(&e.Reach); err != nil {
			return err
		}
	}
	if err == nil && !found {
		return &NoImportError{b.o.Import}
	}
	return err
}

// addImport adds the parts that an import replaced, unless an import before it has replaced them.
func (b *rollbacker) addImport(t TakenBack, before, takeOvers string) error {
	var r replaced
	var names []TakeOver
	if err := errors.Join(json.Unmarshal([]byte(before), &r), json.Unmarshal([]byte(takeOvers), &names)); err != nil {
		return fmt.Errorf("import %d: %w", t.ID, err)
	}
	if b.first == 0 {
		b.first = t.ID
	}
	known := len(b.before.seen)
	b.before.addAll(&r)
	if len(b.before.seen) > known {
		for key := range b.before.seen {
			if _, ok := b.since[key]; !ok {
				b.since[key] = t.ID
			}
		}
	}
	for _, n := range names {
		b.done.Stay = append(b.done.Stay, fmt.Sprintf("the former %s %s, whose name import %d took over, stays removed", n.Kind, n.Name, t.ID))
	}
	b.done.Imports = append([]TakenBack{t}, b.done.Imports...)
	return nil
}

// record adds the rollback to the history and to the audit trail.
func (b *rollbacker) record() error {
	b.done.Rollback = b.id
	report, err := json.Marshal(b.done)
	if err != nil {
		return err
	}
	s := rollbackState{Rollback: b.id, ChannelMoves: b.done.Moves(), Report: sumOf(report)}
	s.Names, s.MoreNames = someNames(b.done.Names())
	ids := []int64{}
	for _, t := range b.done.Imports {
		ids = append(ids, t.ID)
	}
	s.Imports, s.MoreImports = ids[:min(len(ids), maxActNames)], max(0, len(ids)-maxActNames)
	if _, err := b.tx.Exec(b.ctx, `update import set rollback_id = $1 where id = any($2)`, b.id, ids); err != nil {
		return err
	}
	if err := bump(b.ctx, b.tx); err != nil {
		return err
	}
	act := audit.Act{What: "rollback", Subject: fmt.Sprint("import ", b.first), After: s}
	row, err := addRows(b.ctx, b.tx, audit.Events(audit.ActorOf(b.ctx), act))
	if err != nil {
		return err
	}
	_, err = b.tx.Exec(b.ctx, `update rollback set report = $2, audit_row = $3 where id = $1`, b.id, report, row)
	return err
}
