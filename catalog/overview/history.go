package overview

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"offlinestore/catalog"
)

// Entry is one entry of the history: an import or a removal, and its time.
type Entry struct {
	At      time.Time
	Import  *catalog.Record
	Removal *catalog.RemovalRecord
}

// History returns the imports and the removals, newest first.
func History(imports []catalog.Record, removals []catalog.RemovalRecord) []Entry {
	var out []Entry
	for i := range imports {
		out = append(out, Entry{At: imports[i].ImportedAt, Import: &imports[i]})
	}
	for i := range removals {
		out = append(out, Entry{At: removals[i].RemovedAt, Removal: &removals[i]})
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return b.At.Compare(a.At) })
	return out
}

// Record returns the import or the removal, for JSON.
func (e Entry) Record() any {
	if e.Import != nil {
		return e.Import
	}
	return e.Removal
}

// Concerns reports whether an entry changed the snap or charm of a name.
func (e Entry) Concerns(name string) bool {
	if e.Import != nil {
		return slices.Contains(e.Import.Report.Names(), name)
	}
	return slices.Contains(e.Removal.Report.Names(), name)
}

// Moves returns the changes of channels, each as "jq latest/stable amd64 6→8", and only the number of those after the limit.
func Moves(r *catalog.Report, limit int) (list []string) {
	for _, m := range r.SnapMoves {
		list = append(list, fmt.Sprintf("%s %s %s %s", m.Snap, m.Channel, m.Row(), move(m.From, m.To)))
	}
	for _, m := range r.CharmMoves {
		list = append(list, fmt.Sprintf("%s %s %s", m.Charm, m.Row(), move(m.From, m.To)))
	}
	if n := len(list) - limit; n > 0 {
		list = append(list[:limit], fmt.Sprintf("%d more", n))
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

// Voucher tells who vouches for an import. The map has the names of signers by their keys.
func Voucher(r *catalog.Record, names map[string]string) string {
	switch r.Signer {
	case catalog.Unsigned:
		return "UNSIGNED, made " + r.SignedAt.UTC().Format(time.RFC3339)
	case catalog.OwnSignatures:
		return "with signatures of its own"
	case catalog.StoreSignatures:
		return "vouched for by the store alone"
	}
	return fmt.Sprintf("signed %s by %s (%s)", r.SignedAt.UTC().Format(time.RFC3339), cmp.Or(names[r.Signer], r.Signer), r.Exporter)
}
