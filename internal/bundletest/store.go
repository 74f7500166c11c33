package bundletest

import (
	"cmp"
	"errors"
	"slices"

	"offlinestore/bundle"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// AddStore adds the store of a brand with private snaps, which it marks as private to the store if the bundle has them. The brand's
// account comes with it.
func (b *Bundle) AddStore(id, name, parent string, snaps ...string) *bundle.Store {
	b.tb.Helper()
	s := &bundle.Store{Store: snap.Store{ID: id, Name: name, Parent: parent, BrandID: StoreBrand, Snaps: []snap.StoreSnap{}}, Assertions: b.Stream(b.Stack.Account(StoreBrand, "Brand", nil))}
	for _, name := range snaps {
		s.Snaps = append(s.Snaps, snap.StoreSnap{Name: name, SnapID: upstreamtest.ID(name)})
		for _, sn := range b.Snaps {
			if sn.Name == name {
				sn.Store = id
			}
		}
	}
	slices.SortFunc(s.Snaps, func(a, b snap.StoreSnap) int { return cmp.Compare(a.SnapID, b.SnapID) })
	b.Stores = append(b.Stores, s)
	return s
}

// StoreBrand is the account of the brand of stores.
const StoreBrand = "store-brand"

func addAll[T any](add func(T) error, items []T) error {
	for _, it := range items {
		if err := add(it); err != nil {
			return err
		}
	}
	return nil
}

// Builder returns a builder with the items.
func (b *Bundle) Builder() *bundle.Builder {
	b.tb.Helper()
	d := &bundle.Builder{}
	err := errors.Join(addAll(d.AddSnap, b.Snaps), addAll(d.AddRevision, b.Revisions), b.addCharms(d), addAll(d.AddAssertion, b.Assertions), addAll(d.AddStore, b.Stores), addAll(d.AddRepository, b.Repositories))
	if err != nil {
		b.tb.Fatal(err)
	}
	return d
}
