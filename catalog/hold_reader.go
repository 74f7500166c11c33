package catalog

import (
	"encoding/json"
	"fmt"
	"slices"

	"offlinestore/charm"
	"offlinestore/snap"
)

// live selects the holds in force.
const live = `(held_until is null or held_until > now())`

// holds reads the holds in force of everything. A held snap or charm is served from the rows of its hold, and what bundles state is set aside. A
// row of which a revision was removed is closed. Snaps have their holds already.
func (l *loader) holds() error {
	const q = `
		select kind, id, held_until, import_id, case when kind = 'charm' then rows::text else '' end, held_by, held_at from hold where ` + live
	snaps := make(map[string]string, len(l.c.Snaps))
	for i := range l.c.Snaps {
		snaps[l.c.Snaps[i].SnapID] = l.c.Snaps[i].Name
	}
	var h Hold
	var rows string
	err := l.each(q, []any{(*string)(&h.Kind), &h.ID, &h.Until, &h.Import, &rows, &h.By, &h.At}, func() (err error) {
		h.Name = ""
		if name, ok := snaps[h.ID]; h.Kind == ItemSnap && ok {
			h.Name = name
		} else if c := l.charmByID[h.ID]; h.Kind == ItemCharm && c != nil {
			h.Name = c.Name
			err = c.hold(rows)
		} else if h.Kind != ItemAll {
			return nil // it was removed
		}
		l.c.Holds = append(l.c.Holds, h)
		return err
	})
	sortHolds(l.c.Holds)
	return err
}

// charmHolds applies the holds of charms. Only the charms that were read have one.
func (l *loader) charmHolds() error {
	const q = `select id, rows::text from hold where kind = 'charm' and ` + live
	var id, rows string
	return l.each(q, []any{&id, &rows}, func() error {
		if c := l.charmByID[id]; c != nil {
			return c.hold(rows)
		}
		return nil
	})
}

// hold puts the rows of a hold in place of the rows of bundles.
func (s *Snap) hold(h *RawHold) error {
	var held []snap.Release
	if err := json.Unmarshal(h.Rows, &held); err != nil {
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
