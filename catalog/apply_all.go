package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

var (
	// errRollback ends a transaction without its changes.
	errRollback = errors.New("only a plan")
	// errNothing ends an import that was applied before and changes nothing. It leaves no line in the history.
	errNothing = errors.New("nothing to change")
)

// Outcome is the outcome of one of several imports: its report, or its error.
type Outcome struct {
	Report *Report
	Err    error
}

// PlanAll returns the outcomes that ApplyAll would return, and the catalogue as it would leave it, or nil if nothing changes. It applies
// the imports in a transaction that is rolled back, so that the two cannot differ.
func (db *DB) PlanAll(ctx context.Context, list []*Import) (out []Outcome, after *Snapshot, err error) {
	out, err = db.applyAll(ctx, list, func(tx pgx.Tx, s *series) (err error) {
		if !slices.ContainsFunc(s.out, func(o Outcome) bool { return o.Err == nil && !o.Report.UpToDate }) {
			return errRollback
		}
		if after, err = snapshotIn(ctx, tx); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		return nil, nil, fmt.Errorf("plan the import: %w", interpret(err))
	}
	return out, after, nil
}

// Apply imports in completely or not at all, and notifies the servers.
func (db *DB) Apply(ctx context.Context, in *Import) (*Report, error) {
	return only(db.ApplyAll(ctx, []*Import{in}))
}

// ApplyAll applies imports in one transaction, one after the other. Each of them is applied completely or not at all. Readers see
// only the state after the last one. Of several imports with PushChannelMap, the last one that makes a statement forces it. The
// statements of the others count only if they are newer than the catalogue, so that the same list never moves a channel forth and back.
func (db *DB) ApplyAll(ctx context.Context, list []*Import) ([]Outcome, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out, err := db.applyAll(ctx, list, func(tx pgx.Tx, s *series) error { return s.record(ctx, tx) })
	if err != nil {
		return nil, fmt.Errorf("change the catalogue: %w", interpret(err))
	}
	return out, nil
}

func only(out []Outcome, err error) (*Report, error) {
	if err != nil {
		return nil, err
	}
	return out[0].Report, out[0].Err
}

// series are imports that are applied together.
type series struct {
	list []*Import
	// out has the outcome of each import. acts has a row for each import that changed something.
	out  []Outcome
	acts []audit.Act
	ids  []int64 // of the imports that acts belong to
	// failed has the imports that leave no statement to others.
	failed map[int]bool
}

// applyAll applies the imports in a transaction, which end completes.
func (db *DB) applyAll(ctx context.Context, list []*Import, end func(pgx.Tx, *series) error) ([]Outcome, error) {
	s := &series{list: list, out: make([]Outcome, len(list)), failed: make(map[int]bool)}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := db.keepLock(ctx, tx); err != nil {
			return err
		}
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		if len(list) > 0 {
			if err := requireGeneration(ctx, tx, list[0].Generation); err != nil {
				return err
			}
		}
		for again := true; again; {
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) (err error) {
				again, err = s.applyOnce(ctx, tx)
				return err
			})
			if err != nil && !errors.Is(err, errRollback) {
				return err
			}
		}
		return end(tx, s)
	})
	return s.out, err
}

// record adds the imports to the audit trail, and their rows to the history.
func (s *series) record(ctx context.Context, tx pgx.Tx) error {
	const q = `update import set audit_row = r.number from unnest($1::bigint[], $2::bigint[]) as r (id, number) where import.id = r.id`
	first, err := addRows(ctx, tx, audit.Events(audit.ActorOf(ctx), s.acts...))
	if err != nil {
		return err
	}
	rows := make([]int64, len(s.ids))
	for i := range rows {
		rows[i] = first + int64(i)
	}
	_, err = tx.Exec(ctx, q, s.ids, rows)
	return err
}

// applyOnce applies the imports. Imports leave statements to later ones, but not to the failed. It adds to these the imports that fail now.
// If there are some, it returns errRollback and reports that the caller must start again. It tries all imports before that, since one
// start for each failure would take time that grows with the square of the list.
func (s *series) applyOnce(ctx context.Context, tx pgx.Tx) (again bool, err error) {
	last := lastStatements(s.list, s.failed)
	s.acts, s.ids = nil, nil
	for i, in := range s.list {
		a := &applier{ctx: ctx, tx: tx, in: in, last: last, index: i, r: &Report{SnapRevisions: []SnapRevisionRef{}, SnapMoves: []SnapMove{}}}
		err := a.run()
		if err != nil {
			if rerr := a.rollback(); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}
		switch {
		case errors.Is(err, errNothing):
			a.r.UpToDate = true
		case err != nil && (tx.Conn().IsClosed() || ctx.Err() != nil):
			return false, err
		case err != nil:
			s.out[i] = Outcome{Err: fmt.Errorf("change the catalogue: %w", interpret(err))}
			if i > 0 && in.PushChannelMap && !s.failed[i] {
				s.failed[i], again = true, true
			}
			continue
		default:
			s.acts, s.ids = append(s.acts, a.act), append(s.ids, a.id)
		}
		s.out[i] = Outcome{Report: a.r}
	}
	if again {
		return true, errRollback
	}
	return false, nil
}

// The keys of statements. The newest bundle decides a statement, unless another one forces it.
type (
	snapKey          string
	iconKey          string // of a snap or charm
	snapRevisionKey  revisionKey
	charmKey         string
	charmRevisionKey revisionKey
)

// lastStatements returns the number of the last import that forces each statement. It leaves out imports that have failed.
func lastStatements(list []*Import, failed map[int]bool) map[any]int {
	last := make(map[any]int)
	if len(list) == 1 {
		return last
	}
	for i, in := range list {
		if in.PushChannelMap && !failed[i] {
			in.statements(func(key any) { last[key] = i })
		}
	}
	return last
}

// statements calls yield with the key of each statement of the import.
func (in *Import) statements(yield func(any)) {
	for _, w := range in.Withdrawals {
		yield(w.key())
	}
	for i := range in.Stores {
		yield(storeKey(in.Stores[i].ID))
	}
	for id, h := range in.homes() {
		if h.store != "" { // nothing forces a snap to be global
			yield(homeKey(id))
		}
	}
	for _, s := range in.Snaps {
		yield(snapKey(s.SnapID))
		if !slices.Contains(s.Unknown, snap.UnknownIcon) {
			yield(iconKey(s.SnapID))
		}
		yield(withdrawalKey{ItemSnap, s.Name})
		for _, r := range s.ChannelMap {
			yieldRow(yield, snapPlatform{s.SnapID, r.Architecture}, r.Channel)
		}
	}
	for _, r := range in.SnapRevisions {
		yield(snapRevisionKey{r.SnapID, r.Revision.Number})
	}
	for _, c := range in.Charms {
		yield(charmKey(c.ID))
		if !slices.Contains(c.Unknown, charm.UnknownIcon) {
			yield(iconKey(c.ID))
		}
		yield(withdrawalKey{ItemCharm, c.Name})
		for _, r := range c.ChannelMap {
			yieldRow(yield, charmPlatform{c.ID, bareBase(r.Base)}, r.Channel)
		}
	}
	for _, r := range in.CharmRevisions {
		yield(charmRevisionKey{r.ID, r.Revision.Number})
	}
	for _, r := range in.Repositories {
		for _, i := range r.Images {
			yield(tagKey{r.Name, i.Digest})
			for tag := range i.Tags {
				yield(tagKey{r.Name, tag})
			}
		}
	}
	for _, r := range in.CharmResources {
		yield(resourceKey{r.CharmID, r.Resource.Name, r.Resource.Revision})
	}
}

// yieldRow calls yield with the key of a row. An invalid channel makes the import fail later.
func yieldRow[P comparable](yield func(any), platform P, name string) {
	if c, err := channel.Parse(name); err == nil {
		yield(channelmap.Key[P]{Platform: platform, Channel: c})
	}
}

// forces reports whether the import decides a statement even where a newer bundle has made it.
func (a *applier) forces(key any) bool { return a.in.PushChannelMap && a.last[key] <= a.index }
