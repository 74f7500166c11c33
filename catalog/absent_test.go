package catalog_test

import (
	"testing"

	"offlinestore/catalog"
)

// TestAbsentPrivate checks that a private snap is known to be private while the catalogue has nothing else about it: before its first release,
// and after its removal.
func TestAbsentPrivate(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withStore(imp("a", 0), "acme", "", "pump", "tool"))
	diff(t, "snaps without a release", load(t, s).AbsentPrivate, []string{snapID("pump"), snapID("tool")})
	apply(t, s, withPrivate(imp("b", 1), "pump", "acme"))
	diff(t, "one without a release", load(t, s).AbsentPrivate, []string{snapID("tool")})
	apply(t, s, withStore(imp("c", 2), "acme", "", "tool")) // pump leaves the store
	remove(t, s, catalog.Item{Kind: catalog.ItemSnap, Name: "pump", Whole: true})
	diff(t, "a removed one", load(t, s).AbsentPrivate, []string{snapID("pump"), snapID("tool")})
	apply(t, s, withPrivate(imp("d", 3), "tool", ""))
	diff(t, "one that became global", load(t, s).AbsentPrivate, []string{snapID("pump")})
}
