package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"offlinestore/charm"
	"offlinestore/snap"
)

// live selects the holds in force.
const live = `(held_until is null or held_until > now())`

// holds reads the holds in force. A held snap or charm is served from the rows of its hold, and what bundles state is set aside. A row of
// which a revision was removed is closed.
func (l *loader) holds() error {
	const q = `
		select kind, id, held_until, import_id, rows::text, held_by, held_at, coalesce(extract(epoch from held_until - now()), 0)::float8 from hold
		where ` + live
	var h Hold
	var rows string
	var left float64
	err := l.each(q, []any{(*string)(&h.Kind), &h.ID, &h.Until, &h.Import, &rows, &h.By, &h.At, &left}, func() (err error) {
		h.Name = ""
		if s := l.byID[h.ID]; h.Kind == ItemSnap && s != nil {
			h.Name = s.Name
			err = s.hold(h, rows)
		} else if c := l.charmByID[h.ID]; h.Kind == ItemCharm && c != nil {
			h.Name = c.Name
			err = c.hold(rows)
		} else if h.Kind != ItemAll {
			return nil // it was removed
		}
		if h.Until != nil {
			if ends := time.Duration(left * float64(time.Second)); l.c.HoldEnds == 0 || ends < l.c.HoldEnds {
				l.c.HoldEnds = ends
			}
		}
		l.c.Holds = append(l.c.Holds, h)
		return err
	})
	sortHolds(l.c.Holds)
	return err
}

// hold puts the rows of a hold in place of the rows of bundles.
func (s *Snap) hold(h Hold, rows string) error {
	var held []snap.Release
	if err := json.Unmarshal([]byte(rows), &held); err != nil {
		return fmt.Errorf("hold of snap %s: %w", s.Name, err)
	}
	known := func(n int) bool {
		return n == 0 || slices.ContainsFunc(s.Revisions, func(r SnapRevision) bool { return r.Number == n })
	}
	held = slices.DeleteFunc(held, func(r snap.Release) bool { return !known(r.Revision) })
	s.Held, s.Pushed, s.ChannelMap = true, s.ChannelMap, held
	s.Imported = until(s.Imported, h.Import)
	s.History = historyOf(s.Imported, s.Overridden) // no device had the later releases
	return nil
}

func (c *Charm) hold(rows string) error {
	var held []charm.Release
	if err := json.Unmarshal([]byte(rows), &held); err != nil {
		return fmt.Errorf("hold of charm %s: %w", c.Name, err)
	}
	held = slices.DeleteFunc(held, func(r charm.Release) bool { return !c.has(r) })
	c.Held, c.Pushed, c.ChannelMap = true, c.ChannelMap, held
	return nil
}

// has reports whether the catalogue has the revision of a release and its resources.
func (c *Charm) has(r charm.Release) bool {
	if r.Revision > 0 && !slices.ContainsFunc(c.Revisions, func(v CharmRevision) bool { return v.Number == r.Revision }) {
		return false
	}
	for _, ref := range r.Resources {
		if !slices.ContainsFunc(c.Resources, func(v CharmResource) bool { return v.Name == ref.Name && v.Revision == ref.Revision }) {
			return false
		}
	}
	return true
}
