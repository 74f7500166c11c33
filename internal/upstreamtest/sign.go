package upstreamtest

import (
	"fmt"

	"offlinestore/internal/assertiontest"
)

func (s *Store) signSnap(snap *Snap) {
	p := snap.Publisher
	if p.ID != assertiontest.RootID {
		s.put(s.Stack.Account(p.ID, p.DisplayName, assertiontest.Headers{"username": p.Username, "validation": p.Validation}))
	}
	formats := snap.DeclarationFormats
	if formats == nil {
		formats = []int{0}
	}
	for i, format := range formats {
		changes := assertiontest.Headers{}
		if format > 0 {
			changes["format"] = fmt.Sprint(format)
		}
		if i > 0 {
			changes["revision"] = fmt.Sprint(i)
		}
		if len(snap.Controls) > 0 {
			ids := []any{}
			for _, name := range snap.Controls {
				ids = append(ids, ID(name))
			}
			changes["refresh-control"] = ids
		}
		s.put(s.Stack.SnapDeclaration(snap.SnapID, snap.Name, p.ID, changes))
	}
}

func (s *Store) signRevision(e *entry, r *revision) {
	developer := e.Publisher.ID
	s.put(s.Stack.SnapRevision(e.SnapID, r.Revision, developer, r.snap.blob(), r.verityHeaders()))
	for i, c := range r.components() {
		s.put(s.Stack.SnapResourceRevision(e.SnapID, c.Name, c.Revision, developer, r.resources[i].blob(), nil))
		s.put(s.Stack.SnapResourcePair(e.SnapID, c.Name, c.Revision, r.Revision, developer, nil))
	}
}
