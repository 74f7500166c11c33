package closure

import (
	"maps"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// refreshControl is the header of a snap-declaration that lists the snaps whose refreshes the snap controls.
const refreshControl = "refresh-control"

// approvalGaps returns a gap for each served revision in part of a snap whose refreshes another snap controls, if that snap's publisher has
// not approved it. Devices that have both snaps don't refresh to such a revision.
func (x *index) approvalGaps(part *Set) []Gap {
	approved := make(map[string]bool)
	for _, v := range x.set.Validations {
		if v.HeaderString("revoked") != "true" {
			approved[v.Ref().Key()] = true
		}
	}
	out := []Gap{}
	for _, d := range part.Declarations {
		list, _ := d.Header(refreshControl).([]any)
		for _, item := range list {
			i := slices.IndexFunc(x.set.Snaps, func(s Snap) bool { return s.SnapID != "" && any(s.SnapID) == item })
			if i < 0 {
				continue
			}
			s := &x.set.Snaps[i]
			for _, n := range slices.Sorted(maps.Keys(s.architectures())) {
				ref := assertion.Ref{Type: "validation", PrimaryKey: []string{snap.Series, d.HeaderString("snap-id"), s.SnapID, strconv.Itoa(n)}}
				if !approved[ref.Key()] {
					out = append(out, Gap{Kind: KindApproval, Name: s.Name, Revision: n, NeededBy: []Needer{{Kind: KindSnap, Name: d.HeaderString("snap-name")}}})
				}
			}
		}
	}
	slices.SortFunc(out, compareSnapGaps)
	return slices.CompactFunc(out, equalGaps)
}

// AddAssertion adds an assertion that needs something: a model, a validation set, the declaration of a snap that controls refreshes, or
// an approval of one. Of two revisions it keeps the newer. It ignores other assertions.
func (s *Set) AddAssertion(a *assertion.Assertion) {
	var list *[]*assertion.Assertion
	switch a.Type() {
	case "model":
		list = &s.Models
	case "validation-set":
		list = &s.ValidationSets
	case "validation":
		list = &s.Validations
	case "snap-declaration":
		list = &s.Declarations
	default:
		return
	}
	i := slices.IndexFunc(*list, func(have *assertion.Assertion) bool { return have.Ref().Key() == a.Ref().Key() })
	switch {
	case i < 0:
		*list = append(*list, a)
	case a.Revision() > (*list)[i].Revision():
		(*list)[i] = a
	}
}
