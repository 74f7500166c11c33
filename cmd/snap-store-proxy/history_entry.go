package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"offlinestore/catalog"
)

// maxMoves bounds the channels that a line of the history names. JSON has all of them.
const maxMoves = 4

// historyEntry is one entry of the history, an import or a removal.
type historyEntry struct {
	at    time.Time
	entry any
}

// historyOf returns the imports and the removals, newest first.
func historyOf(records []catalog.Record, removals []catalog.RemovalRecord) []historyEntry {
	var out []historyEntry
	for _, r := range records {
		out = append(out, historyEntry{r.ImportedAt, r})
	}
	for _, r := range removals {
		out = append(out, historyEntry{r.RemovedAt, r})
	}
	slices.SortStableFunc(out, func(a, b historyEntry) int { return b.at.Compare(a.at) })
	return out
}

// concerns reports whether an entry changed the snap or charm of a name.
func (h historyEntry) concerns(name string) bool {
	switch r := h.entry.(type) {
	case catalog.Record:
		return slices.Contains(namesIn(&r.Report), name)
	case catalog.RemovalRecord:
		return slices.Contains(r.Report.Names(), name)
	}
	return false
}

// namesIn returns the names of the snaps and charms in a report, some of them several times.
func namesIn(r *catalog.Report) (names []string) {
	for _, v := range r.SnapRevisions {
		names = append(names, v.Snap)
	}
	for _, m := range slices.Concat(r.SnapMoves, r.Kept) {
		names = append(names, m.Snap)
	}
	for _, v := range r.CharmRevisions {
		names = append(names, v.Charm)
	}
	for _, v := range r.CharmResources {
		names = append(names, v.Charm)
	}
	for _, m := range slices.Concat(r.CharmMoves, r.KeptCharms) {
		names = append(names, m.Charm)
	}
	for _, v := range r.TakeOvers {
		names = append(names, v.Name)
	}
	for _, v := range r.Withdrawals {
		names = append(names, v.Name)
	}
	for _, u := range r.Updates {
		names = append(names, u.Snap, u.Charm)
	}
	return names
}

// movesOf returns the changes of channels, each as "jq latest/stable amd64 6→8".
func movesOf(r *catalog.Report) (list []string) {
	for _, m := range r.SnapMoves {
		list = append(list, fmt.Sprintf("%s %s %s %s", m.Snap, m.Channel, m.Row(), move(m.From, m.To)))
	}
	for _, m := range r.CharmMoves {
		list = append(list, fmt.Sprintf("%s %s %s", m.Charm, m.Row(), move(m.From, m.To)))
	}
	if n := len(list) - maxMoves; n > 0 {
		list = append(list[:maxMoves], fmt.Sprintf("%d more", n))
	}
	return list
}

// move returns the change of one channel. Its revision is 0 where the channel is closed, and -1 where there was none.
func move(from, to int) string {
	number := func(n int) string {
		if n <= 0 {
			return catalog.RevisionName(n)
		}
		return strconv.Itoa(n)
	}
	if from < 0 {
		return number(to)
	}
	return number(from) + "→" + number(to)
}
