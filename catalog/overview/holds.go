package overview

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"offlinestore/catalog"
)

// HoldLine returns a sentence about the hold of a snap or charm: since when, and the changes of channels that wait for its release. It is empty
// if there is no hold.
func HoldLine(cat *catalog.Snapshot, name string, isCharm bool) string {
	kind := catalog.ItemSnap
	if isCharm {
		kind = catalog.ItemCharm
	}
	i := slices.IndexFunc(cat.Holds, func(h catalog.Hold) bool { return h.Kind == kind && h.Name == name })
	if i < 0 {
		return ""
	}
	h := cat.Holds[i]
	line := fmt.Sprintf("Held since %s by %s", h.At.UTC().Format(time.RFC3339), h.By)
	if h.Until != nil {
		line += " until " + h.Until.UTC().Format(time.RFC3339)
	}
	waiting := cat.Waiting(kind, name)
	moves := Moves(&catalog.Report{SnapMoves: waiting.SnapMoves, CharmMoves: waiting.CharmMoves}, maxWaiting)
	if len(moves) == 0 {
		return line + ": nothing waits for 'release'"
	}
	return line + ": 'release' moves " + strings.Join(moves, ", ")
}

// maxWaiting bounds the changes that a line names.
const maxWaiting = 10

// HoldsLine returns a text that names the held snaps and charms. It is empty if there are none.
func HoldsLine(holds []catalog.Hold) string {
	var names []string
	for _, h := range holds {
		if h.Kind == catalog.ItemAll {
			names = append([]string{"everything that comes later"}, names...)
		} else {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	if more := len(names) - maxWaiting; more > 0 {
		names = append(names[:maxWaiting], fmt.Sprintf("%d more", more))
	}
	return "Held: " + strings.Join(names, ", ")
}
