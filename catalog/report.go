package catalog

import (
	"slices"

	"offlinestore/difference"
)

// update adds changes of things that were there before.
func (r *Report) update(list ...difference.Change) { r.Updates = append(r.Updates, list...) }

// addNewSnap adds a snap that is new in the catalogue. Its revisions tell of it, if it has any.
func (r *Report) addNewSnap(in *Import, s ImportedSnap) {
	if !slices.ContainsFunc(in.SnapRevisions, func(rev ImportedSnapRevision) bool { return rev.SnapID == s.SnapID }) {
		r.update(difference.Change{What: difference.Snap, Snap: s.Name, Field: "snap-id", New: s.SnapID})
	}
}

// addNewCharm adds a charm that is new in the catalogue, like addNewSnap.
func (r *Report) addNewCharm(in *Import, c ImportedCharm) {
	if !slices.ContainsFunc(in.CharmRevisions, func(rev ImportedCharmRevision) bool { return rev.ID == c.ID }) {
		r.update(difference.Change{What: difference.Charm, Charm: c.Name, Field: "id", New: c.ID})
	}
}

// NewAssertions counts the new assertions and formats of assertions.
func (r *Report) NewAssertions() int {
	n := r.Assertions
	for _, u := range r.Updates {
		if u.What == difference.Assertion {
			n--
		}
	}
	return max(n, 0)
}

// Others counts the changes other than the ones that Changes counts, except for new assertions and manifests.
func (r *Report) Others() int {
	return len(r.ImageMoves) + len(r.Withdrawals) + len(r.TakeOvers) + len(r.Updates)
}

// Names returns the names of the snaps, charms and repositories that an import brought or changed, some of them several times.
func (r *Report) Names() (names []string) {
	for _, v := range r.SnapRevisions {
		names = append(names, v.Snap)
	}
	for _, m := range slices.Concat(r.SnapMoves, r.Kept, r.Held) {
		names = append(names, m.Snap)
	}
	for _, v := range r.CharmRevisions {
		names = append(names, v.Charm)
	}
	for _, v := range r.CharmResources {
		names = append(names, v.Charm)
	}
	for _, m := range slices.Concat(r.CharmMoves, r.KeptCharms, r.HeldCharms) {
		names = append(names, m.Charm)
	}
	for _, v := range r.RepositoryImages {
		names = append(names, v.Repository)
	}
	for _, m := range slices.Concat(r.TagMoves, r.KeptTags) {
		names = append(names, m.Repository)
	}
	for _, v := range r.TakeOvers {
		names = append(names, v.Name)
	}
	for _, v := range r.Withdrawals {
		names = append(names, v.Name)
	}
	for _, u := range r.Updates {
		names = append(names, u.Snap, u.Charm)
		if u.What == difference.Store || u.What == difference.StoreSnap {
			names = append(names, u.Name)
		}
	}
	return names
}
