package server

import (
	"fmt"
	"sync"

	"offlinestore/assertion"
)

// brandKeys is the Source of accounts, their keys and their models in a catalogue. It decodes each of them once.
type brandKeys struct {
	ix      *index
	decoded sync.Map // of *assertion.Assertion by *indexedAssertion
}

// Find implements assertion.Source.
func (b *brandKeys) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	if ref.Type != "account" && ref.Type != "account-key" && ref.Type != "model" {
		return nil, assertion.ErrNotFound
	}
	stored := b.ix.assertion(ref, unlimited)
	if stored == nil {
		return nil, assertion.ErrNotFound
	}
	if a, ok := b.decoded.Load(stored); ok {
		return a.(*assertion.Assertion), nil
	}
	raw, err := stored.raw()
	if err != nil {
		return nil, fmt.Errorf("read %s of the catalogue: %w", ref, err)
	}
	a, err := assertion.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("decode %s of the catalogue: %w", ref, err)
	}
	b.decoded.Store(stored, a)
	return a, nil
}
