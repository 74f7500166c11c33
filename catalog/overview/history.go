package overview

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

// Entry is one entry of the history and its time: an import, a removal, a rollback, or an act about channels.
type Entry struct {
	At       time.Time
	Import   *catalog.Record
	Removal  *catalog.RemovalRecord
	Rollback *catalog.RollbackRecord
	Act      *catalog.ChannelAct
}

// ReadHistory returns the entries of a catalogue's history, newest first.
func ReadHistory(ctx context.Context, db *catalog.DB) ([]Entry, error) {
	imports, err := db.History(ctx, "")
	if err != nil {
		return nil, err
	}
	removals, err := db.Removals(ctx)
	if err != nil {
		return nil, err
	}
	rollbacks, err := db.Rollbacks(ctx)
	if err != nil {
		return nil, err
	}
	acts, err := db.ChannelActs(ctx)
	if err != nil {
		return nil, err
	}
	return History(imports, removals, rollbacks, acts), nil
}

// History returns the entries, newest first.
func History(imports []catalog.Record, removals []catalog.RemovalRecord, rollbacks []catalog.RollbackRecord, acts []catalog.ChannelAct) []Entry {
	var out []Entry
	for i := range imports {
		out = append(out, Entry{At: imports[i].ImportedAt, Import: &imports[i]})
	}
	for i := range removals {
		out = append(out, Entry{At: removals[i].RemovedAt, Removal: &removals[i]})
	}
	for i := range rollbacks {
		out = append(out, Entry{At: rollbacks[i].At, Rollback: &rollbacks[i]})
	}
	for i := range acts {
		out = append(out, Entry{At: acts[i].At, Act: &acts[i]})
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return b.At.Compare(a.At) })
	return out
}

// Record returns the entry itself, for JSON.
func (e Entry) Record() any {
	switch {
	case e.Import != nil:
		return e.Import
	case e.Rollback != nil:
		return e.Rollback
	case e.Act != nil:
		return e.Act
	}
	return e.Removal
}

// Concerns reports whether an entry changed the snap or charm of a name.
func (e Entry) Concerns(name string) bool {
	switch {
	case e.Import != nil:
		return slices.Contains(e.Import.Report.Names(), name)
	case e.Rollback != nil:
		return slices.Contains(e.Rollback.Report.Names(), name)
	case e.Act != nil:
		return e.Act.Subject == name || e.Act.Subject == "all"
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
	for _, m := range r.TagMoves {
		list = append(list, fmt.Sprintf("%s:%s %s", m.Repository, m.Tag, moveDigest(m.From, m.To)))
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

// moveDigest returns the change of one tag, with the beginnings of the digests.
func moveDigest(from, to digest.Digest) string {
	short := func(d digest.Digest) string {
		if d == "" {
			return "none"
		}
		return d.Encoded()[:min(12, len(d.Encoded()))]
	}
	if from == "" {
		return short(to)
	}
	return short(from) + "→" + short(to)
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
