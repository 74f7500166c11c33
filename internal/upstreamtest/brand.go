package upstreamtest

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// BrandID is the account of the brand in the demonstration's store.
const BrandID = "acme"

// Brand returns the account of a brand, which signs models and validation sets.
func (s *Store) Brand() *assertiontest.Account { return s.Stack.NewAccount(BrandID, "brand") }

// AddAssertions adds assertions that no snap leads to.
func (s *Store) AddAssertions(list ...*assertion.Assertion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range list {
		s.put(a)
	}
}

// Approve publishes the brand's approval of a revision: devices with its snap may refresh to it.
func (s *Store) Approve(snap, controlled string, revision int, changes assertiontest.Headers) {
	s.AddAssertions(s.Brand().Sign(assertiontest.Headers{"type": "validation", "series": assertion.Series, "snap-id": ID(snap),
		"approved-snap-id": ID(controlled), "approved-snap-revision": strconv.Itoa(revision)}, changes))
}

// brand adds a brand with its key and two points of a validation set.
func (b *builder) brand() {
	acme := b.store.Brand()
	b.store.AddAssertions(acme.Assertions()...)
	for i, revision := range []string{"6", "8"} {
		b.store.AddAssertions(acme.ValidationSet("tools", i+1, []any{
			map[string]any{"name": "jq", "id": ID("jq"), "revision": revision, "components": map[string]any{"docs": "optional"}},
			map[string]any{"name": "hello", "id": ID("hello")},
			map[string]any{"name": "gnome-calculator", "id": ID("gnome-calculator"), "presence": "invalid"},
			map[string]any{"name": "bare", "id": ID("bare"), "presence": "optional"},
		}, nil))
	}
}

// findAssertion returns the assertion that a path and a query name: its newest revision in no newer format than maxFormat.
func (s *Store) findAssertion(typ string, key []string, query url.Values, maxFormat int) (*assertion.Assertion, error) {
	t, _ := assertion.TypeByName(typ)
	if sequence := query.Get("sequence"); t.Sequence && len(key) == len(t.PrimaryKey)-1 {
		if sequence == "" || sequence == "latest" {
			sequence = strconv.Itoa(s.lastPoint(typ, key))
		}
		key = append(slices.Clone(key), sequence)
	}
	ref, err := assertion.RefFromPath(typ, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *assertion.Assertion
	for format, a := range s.assertions[ref.Key()] {
		if format <= maxFormat && (best == nil || a.Revision() > best.Revision()) {
			best = a
		}
	}
	return best, nil
}

// lastPoint returns the last point of a sequence, or 1 if there is none.
func (s *Store) lastPoint(typ string, key []string) (last int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, formats := range s.assertions {
		for _, a := range formats {
			if a.Type() == typ && slices.Equal(a.SequenceKey(), key) {
				last = max(last, a.Sequence())
			}
		}
	}
	return cmp.Or(last, 1)
}
