package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/assertion"
	"offlinestore/difference"
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

// assertions keeps the newest revision of each assertion and format. The values of RETURNING are as they were before the statement.
func (a *applier) assertions() error {
	const q = `
		insert into assertion as a (type, primary_key, format, revision, raw) values ($1, $2, $3, $4, $5)
		on conflict (type, primary_key, format) do update set revision = excluded.revision, raw = excluded.raw
		where a.revision < excluded.revision
		returning
			coalesce((select format from assertion o where type = $1 and primary_key = $2 order by revision desc, format desc limit 1), 0),
			coalesce((select revision from assertion o where type = $1 and primary_key = $2 order by revision desc, format desc limit 1), -1),
			(select raw from assertion o where type = $1 and primary_key = $2 order by revision desc, format desc limit 1)`
	items := make(map[string]bool, len(a.in.AssertionItems))
	for _, ref := range a.in.AssertionItems {
		items[ref.Key()] = true
	}
	b := &pgx.Batch{}
	states := newAssertionStates()
	for _, as := range a.in.Assertions {
		b.Queue(q, as.Type, as.PrimaryKey, as.Format, as.Revision, as.Raw).QueryRow(func(row pgx.Row) error {
			var old difference.AssertionState
			err := row.Scan(&old.Format, &old.Revision, &old.Raw)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			a.r.Assertions++
			a.changed = true
			if key := states.add(as, old); items[key] {
				delete(items, key) // another format of it adds no line
				a.r.AssertionItems = append(a.r.AssertionItems, AssertionItem{as.Type, as.PrimaryKey})
			}
			return err
		})
	}
	err := a.send(b)
	names := make(map[string]string)
	for _, s := range a.in.Snaps {
		names[s.SnapID] = s.Name
	}
	a.r.update(states.changes(names)...)
	return err
}

// assertionStates collects the changed states of assertions. Several formats of an assertion have one state.
type assertionStates struct {
	refs     []assertion.Ref
	old, now map[string]difference.AssertionState
}

func newAssertionStates() *assertionStates {
	return &assertionStates{old: make(map[string]difference.AssertionState), now: make(map[string]difference.AssertionState)}
}

// add records a written assertion and the state before. It returns the key of the assertion's ref.
func (s *assertionStates) add(as Assertion, old difference.AssertionState) string {
	ref := assertion.Ref{Type: as.Type, PrimaryKey: as.PrimaryKey}
	state, key := difference.AssertionState{Format: as.Format, Revision: as.Revision, Raw: as.Raw}, ref.Key()
	if _, ok := s.old[key]; !ok {
		s.refs = append(s.refs, ref)
		s.old[key], s.now[key] = old, old
	}
	if state.Compare(s.now[key]) > 0 {
		s.now[key] = state
	}
	return key
}

// changes returns the changes of the assertions that were known before. snaps maps snap-ids to names.
func (s *assertionStates) changes(snaps map[string]string) []difference.Change {
	var out []difference.Change
	for _, ref := range s.refs {
		old := s.old[ref.Key()]
		if old.Revision < 0 {
			continue // a new one, which is only counted
		}
		out = append(out, difference.OfAssertion(difference.SnapOf(ref, snaps), ref, old, s.now[ref.Key()]))
	}
	return out
}
