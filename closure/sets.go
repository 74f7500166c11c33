package closure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/assertion"
)

// setGaps returns the gaps of the validation sets of part in x. A device can enforce a set only if it gets each snap that the set requires,
// at the revision that the set pins.
func (x *index) setGaps(part *Set) []Gap {
	out := []Gap{}
	for _, set := range part.ValidationSets {
		key := set.Ref().PrimaryKey
		by := []Needer{{Kind: KindSet, Name: fmt.Sprintf("%s/%s=%s", key[1], key[2], key[3])}}
		snaps, err := set.SetSnaps()
		if err != nil {
			continue // no device accepts the set
		}
		for _, want := range snaps {
			for _, g := range x.lacksOfSet(want) {
				g.NeededBy = by
				out = append(out, g)
			}
		}
	}
	slices.SortFunc(out, func(a, b Gap) int {
		return cmp.Or(strings.Compare(a.NeededBy[0].Name, b.NeededBy[0].Name), compareSnapGaps(a, b))
	})
	return out
}

// lacksOfSet returns the missing parts of an entry of a validation set. An optional snap is missing if the store has other revisions of it
// than the pinned one.
func (x *index) lacksOfSet(want assertion.SetSnap) []Gap {
	s := x.snaps[want.Name]
	if want.Presence == assertion.PresenceInvalid || want.Presence == assertion.PresenceOptional && (s == nil || want.Revision == 0) {
		return nil
	}
	r := x.revisions[revisionKey{want.Name, want.Revision}]
	if want.Revision == 0 {
		r = x.served(want.Name, "", "")
	}
	if r == nil {
		return []Gap{{Kind: KindSnap, Name: want.Name, Revision: want.Revision}}
	}
	var out []Gap
	for _, c := range want.Components {
		_, released := r.Component(c.Name, 0)
		if !released && c.Presence != assertion.PresenceRequired || c.Presence == assertion.PresenceInvalid {
			continue
		}
		if _, ok := r.Component(c.Name, c.Revision); !ok {
			out = append(out, Gap{Kind: KindComponent, Name: want.Name + "+" + c.Name, Revision: c.Revision})
		}
	}
	return out
}
