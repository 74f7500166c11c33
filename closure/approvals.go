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
	byID := make(map[string]*Snap, len(x.set.Snaps))
	for i := range x.set.Snaps {
		if s := &x.set.Snaps[i]; s.SnapID != "" {
			byID[s.SnapID] = s
		}
	}
	out := []Gap{}
	for _, d := range part.Declarations {
		list, _ := d.Header(refreshControl).([]any)
		for _, item := range list {
			id, _ := item.(string)
			s := byID[id]
			if s == nil {
				continue
			}
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
	if s.assertions == nil {
		s.assertions = make(map[string]int)
	}
	key := a.Ref().Key()
	i, have := s.assertions[key]
	switch {
	case !have:
		s.assertions[key] = len(*list)
		*list = append(*list, a)
	case a.Revision() > (*list)[i].Revision():
		(*list)[i] = a
	}
}
