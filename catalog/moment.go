package catalog

import (
	"cmp"
	"slices"

	"offlinestore/snap"
)

// Moment names a past state of the channel maps: the state after an import, and after a change of an override. The IDs grow with
// time.
type Moment struct {
	Import, Override int64
	// Store tells the databases of different stores apart. It is empty before the first import.
	Store string
}

// Event is a release that an import put into a row, or an operator with an override. ID is the one of the import, or of the change.
// Revision 0 closes the row, or deletes the override.
type Event struct {
	snap.Release
	ID int64
}

// AsOf returns the snap with its channel map, its overrides and its history as they were at m, as far as the history reaches.
func (s *Snap) AsOf(m Moment) *Snap {
	past := *s
	imported, overridden := until(s.Imported, m.Import), until(s.Overridden, m.Override)
	past.Imported, past.Overridden = imported, overridden
	past.ChannelMap = lastRows(imported)
	past.Overrides = slices.DeleteFunc(lastRows(overridden), func(r snap.Release) bool { return r.Revision == 0 })
	past.History = historyOf(imported, overridden)
	return &past
}

// historyOf returns the releases of events, the newest first, followed by the ones of overrides.
func historyOf(imported, overridden []Event) (out []snap.Release) {
	for _, events := range [][]Event{imported, overridden} {
		for _, e := range slices.Backward(events) {
			if e.Revision > 0 {
				out = append(out, e.Release)
			}
		}
	}
	return out
}

// until returns the events up to an ID. They are sorted by it.
func until(events []Event, id int64) []Event {
	n, _ := slices.BinarySearchFunc(events, id+1, func(e Event, id int64) int { return cmp.Compare(e.ID, id) })
	return events[:n:n]
}

// lastRows returns the rows that events leave, sorted by architecture and channel. An import sets all releases of a row at once.
func lastRows(events []Event) (out []snap.Release) {
	type key struct{ architecture, channel string }
	last := make(map[key]int64)
	for _, e := range events {
		last[key{e.Architecture, e.Channel}] = e.ID
	}
	for _, e := range events {
		if last[key{e.Architecture, e.Channel}] == e.ID {
			out = append(out, e.Release)
		}
	}
	slices.SortFunc(out, func(a, b snap.Release) int {
		return cmp.Or(cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Revision, b.Revision))
	})
	return out
}
