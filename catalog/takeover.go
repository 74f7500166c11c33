package catalog

import (
	"encoding/json"
	"slices"
)

// TakeOver is a name that was given to another snap or charm. Everything about the former one was removed.
type TakeOver struct {
	Kind ItemKind `json:"kind"`
	Name string   `json:"name"`
	// From and To are the IDs.
	From string `json:"from"`
	To   string `json:"to"`
	// Publisher is the ID of the former one's publisher.
	Publisher string   `json:"publisher"`
	Removed   *Removed `json:"removed"`
}

// NameError reports a bundle with another snap or charm under the name of one in the catalogue. The store upstream may have given the name
// away. It wraps a *ConflictError.
type NameError struct {
	Name string
	Err  *ConflictError
}

// Error returns the text of the conflict.
func (e *NameError) Error() string { return e.Err.Error() }

// Unwrap returns the conflict.
func (e *NameError) Unwrap() error { return e.Err }

// takeOver removes the snaps and charms whose names the operator gives to others of the import.
func (a *applier) takeOver() error {
	if len(a.in.TakeOver) == 0 {
		return nil
	}
	if err := a.flush(); err != nil {
		return err
	}
	m := &remover{ctx: a.ctx, tx: a.tx}
	before, err := m.load()
	if err != nil {
		return err
	}
	for _, t := range a.takeOvers(before) {
		m.removed = newRemoved()
		if err := m.removeAll(before, []Item{{Kind: t.Kind, Name: t.Name, Whole: true}}); err != nil {
			return err
		}
		t.Removed, a.changed = m.removed, true
		a.r.TakeOvers = append(a.r.TakeOvers, t)
		report, err := json.Marshal(m.removed)
		if err != nil {
			return err
		}
		if _, err := m.addRecord(&Removal{Reason: ReasonReplace, By: a.in.By}, report); err != nil {
			return err
		}
	}
	return nil
}

// takeOvers returns the names that the operator gives away, and that a snap or charm of the import has under another ID.
func (a *applier) takeOvers(before *Snapshot) (list []TakeOver) {
	for _, s := range a.in.Snaps {
		if old := before.snap(s.Name); old != nil && old.SnapID != s.SnapID && slices.Contains(a.in.TakeOver, s.Name) {
			list = append(list, TakeOver{Kind: ItemSnap, Name: s.Name, From: old.SnapID, To: s.SnapID, Publisher: old.Details.Publisher.ID})
		}
	}
	for _, c := range a.in.Charms {
		if old := before.charm(c.Name); old != nil && old.ID != c.ID && slices.Contains(a.in.TakeOver, c.Name) {
			list = append(list, TakeOver{Kind: ItemKind(old.Type), Name: c.Name, From: old.ID, To: c.ID, Publisher: old.Details.Publisher.ID})
		}
	}
	return list
}
