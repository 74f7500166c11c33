package assertion

import (
	_ "embed"
	"maps"
	"slices"
)

// carriedAssertions are keys of Canonical that devices don't have built in: the key of the Snap Store, and the key that signs the serials
// of generic devices.
//
//go:embed carried.assert
var carriedAssertions []byte

// Known returns the assertions that a store can serve without an import: the roots, the assertions that every device has built in, and
// further keys of Canonical. The builders of images start without the built-in ones and fetch them from the store.
func (t *Trust) Known() *Set {
	known := NewSet(slices.Concat(slices.Collect(maps.Values(t.accounts)), slices.Collect(maps.Values(t.keys)))...)
	for _, more := range []*Set{t.predefined, t.carried} {
		if more != nil {
			known.Add(more.All()...)
		}
	}
	return known
}
