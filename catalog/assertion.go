package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// assertions keeps the newest revision of each assertion and format, and reports the assertions that change.
func (a *applier) assertions() error {
	states := a.assertionStates
	items := make(map[string]bool, len(a.in.AssertionItems))
	for _, ref := range a.in.AssertionItems {
		items[ref.Key()] = true
	}
	var rows [][]any
	updates := &pgx.Batch{}
	for _, as := range newestAssertions(a.in.Assertions) {
		key := as.ref().Key()
		have, ok := states[key].revisions[as.Format]
		if ok && have >= as.Revision {
			continue
		}
		a.r.Assertions++
		states[key].bring(as)
		if items[key] {
			delete(items, key) // another format of it adds no line
			a.r.AssertionItems = append(a.r.AssertionItems, AssertionItem{as.Type, as.PrimaryKey})
		}
		if ok {
			const q = `update assertion set revision = $4, raw = $5 where type = $1 and primary_key = $2 and format = $3`
			updates.Queue(q, as.Type, as.PrimaryKey, as.Format, as.Revision, as.Raw)
			continue
		}
		rows = append(rows, []any{as.Type, as.PrimaryKey, as.Format, as.Revision, as.Raw})
	}
	if err := a.reportAssertions(states); err != nil {
		return err
	}
	if err := a.write(updates); err != nil {
		return err
	}
	return a.insert("assertion", []string{"type", "primary_key", "format", "revision", "raw"}, rows)
}

func (as *Assertion) ref() assertion.Ref {
	return assertion.Ref{Type: as.Type, PrimaryKey: as.PrimaryKey}
}

// newestAssertions returns each assertion once for each format, in the order of the list.
func newestAssertions(list []Assertion) []Assertion {
	type key struct {
		ref    string
		format int
	}
	place := make(map[key]int, len(list))
	var out []Assertion
	for _, as := range list {
		k := key{as.ref().Key(), as.Format}
		if i, ok := place[k]; !ok {
			place[k] = len(out)
			out = append(out, as)
		} else if out[i].Revision < as.Revision {
			out[i] = as
		}
	}
	return out
}

// assertionState is an assertion of the import: its revisions in the catalogue, by format, and the newest revision that is written.
type assertionState struct {
	ref       assertion.Ref
	revisions map[int]int
	now       difference.AssertionState // zero if nothing is written
}

func (s *assertionState) bring(as Assertion) {
	if now := (difference.AssertionState{Format: as.Format, Revision: as.Revision, Raw: as.Raw}); s.now.Raw == nil || now.Compare(s.now) > 0 {
		s.now = now
	}
}

// requestedAssertions joins assertions with the columns that refColumns returns.
const requestedAssertions = `unnest($1::text[], $2::text[]) as r (type, key) join assertion a on a.type = r.type and primary_key = r.key::text[]`

// loadAssertions loads the revisions of the import's assertions, by the keys of their refs.
func (a *applier) loadAssertions() {
	states := make(map[string]*assertionState, len(a.in.Assertions))
	var refs []assertion.Ref
	for _, as := range a.in.Assertions {
		if ref := as.ref(); states[ref.Key()] == nil {
			states[ref.Key()] = &assertionState{ref: ref, revisions: make(map[int]int)}
			refs = append(refs, ref)
		}
	}
	var ref assertion.Ref
	var format, revision int
	types, keys := refColumns(refs)
	const q = `select a.type, primary_key, format, revision from ` + requestedAssertions
	a.assertionStates = states
	a.read(q, types, []any{&ref.Type, &ref.PrimaryKey, &format, &revision}, func() error {
		states[ref.Key()].revisions[format] = revision
		ref.PrimaryKey = nil
		return nil
	}, keys)
}

// reportAssertions reports the written assertions that were known before. New ones are only counted.
func (a *applier) reportAssertions(states map[string]*assertionState) error {
	var changed []assertion.Ref
	for _, key := range slices.Sorted(maps.Keys(states)) {
		if s := states[key]; len(s.revisions) > 0 && s.now.Raw != nil {
			changed = append(changed, s.ref)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	names := make(map[string]string)
	for _, s := range a.in.Snaps {
		names[s.SnapID] = s.Name
	}
	const q = `
		select distinct on (a.type, primary_key) a.type, primary_key, format, revision, raw from ` + requestedAssertions + `
		order by a.type, primary_key, revision desc, format desc`
	var ref assertion.Ref
	var old difference.AssertionState
	types, keys := refColumns(changed)
	a.read(q, types, []any{&ref.Type, &ref.PrimaryKey, &old.Format, &old.Revision, &old.Raw}, func() error {
		now := states[ref.Key()].now
		if old.Compare(now) > 0 {
			now = old // only an older format was written
		}
		a.r.update(difference.OfAssertion(difference.SnapOf(ref, names), ref, old, now))
		ref.PrimaryKey, old.Raw = nil, nil
		return nil
	}, keys)
	return a.flush()
}

// refColumns returns the types of refs and their primary keys. Each key is an array of PostgreSQL in its text form.
func refColumns(refs []assertion.Ref) (types, keys []string) {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, ref := range refs {
		values := make([]string, len(ref.PrimaryKey))
		for i, v := range ref.PrimaryKey {
			values[i] = `"` + quote.Replace(v) + `"`
		}
		types, keys = append(types, ref.Type), append(keys, "{"+strings.Join(values, ",")+"}")
	}
	return types, keys
}
