package importer

import (
	"slices"

	"offlinestore/closure"
)

// Leaves reports whether a planned file has an item that leads to a gap.
func (f *File) Leaves(g closure.Gap) bool {
	unapproved := g.Kind == closure.KindApproval && f.brings(closure.Needer{Kind: closure.KindSnap, Name: g.Name})
	return unapproved || slices.ContainsFunc(g.NeededBy, f.brings)
}

// brings reports whether a file contains the item that needs something. Any file may contain a model or a validation set.
func (f *File) brings(n closure.Needer) bool {
	switch {
	case !f.Changes():
		return false
	case n.Kind == closure.KindSnap:
		return slices.Contains(f.Content.Snaps, n.Name)
	case n.Kind == closure.KindCharm:
		return slices.Contains(f.Content.Charms, n.Name)
	case n.Kind == closure.KindBundle:
		return slices.Contains(f.Content.Bundles, n.Name)
	}
	return n.Kind == closure.KindModel || n.Kind == closure.KindSet
}
