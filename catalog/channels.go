package catalog

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/difference"
	"offlinestore/snap"
)

// snapPlatform is a snap on an architecture.
type snapPlatform struct{ snapID, architecture string }

// snapLedger has the rows of the channel maps of several snaps.
type snapLedger = channelmap.Ledger[snapPlatform, struct{}]

// snapRow is a row of a snap's channel map.
type snapRow = channelmap.Row[snapPlatform, struct{}]

// snapRow returns the row with all releases of a channel for an architecture.
func (a *applier) snapRow(snapID string, releases []snap.Release) (snapRow, error) {
	c, err := channel.Parse(releases[0].Channel)
	list := make([]channelmap.Release[struct{}], len(releases))
	for i, r := range releases {
		epoch := a.known[revisionKey{snapID, r.Revision}].epoch
		list[i] = channelmap.Release[struct{}]{Revision: r.Revision, ReleasedAt: r.ReleasedAt, Epoch: epoch}
	}
	return channelmap.NewRow(snapPlatform{snapID, releases[0].Architecture}, c, list...), err
}

// channels updates the rows of the channel maps that the bundle's export asked for.
func (a *applier) channels() error {
	ledger, err := a.ledger()
	if err != nil {
		return err
	}
	w := channelWriter{a: a, b: &pgx.Batch{}}
	for _, s := range a.in.Snaps {
		for _, releases := range snap.Rows(s.ChannelMap) {
			row, err := a.snapRow(s.SnapID, releases)
			if err == nil {
				err = a.channel(ledger, s.Name, row, &w)
			}
			if err != nil {
				return fmt.Errorf("snap %s: channel %s for %s: %w", s.Name, releases[0].Channel, releases[0].Architecture, err)
			}
		}
	}
	return w.flush()
}

// channelWriter stores rows of channel maps.
type channelWriter struct {
	a       *applier
	b       *pgx.Batch
	history [][]any
}

// addRow stores a row as far as the outcome asks for it. The history gets the newest epoch last, because it is read backwards.
func (w *channelWriter) addRow(row snapRow, outcome channelmap.Outcome) {
	const (
		clear = `delete from channel_map where snap_id = $1 and architecture = $2 and channel = $3`
		set   = `
			insert into channel_map (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
			values ($1, $2, $3, $4, $5, $6, $7)`
	)
	if !outcome.Writes() {
		return
	}
	name, p := row.Channel.String(), row.Platform
	w.a.replaceSnapRow(p.snapID, p.architecture, name)
	w.b.Queue(clear, p.snapID, p.architecture, name)
	releases := row.Releases
	if len(releases) == 0 {
		releases = []channelmap.Release[struct{}]{row.Newest()}
	}
	for _, r := range slices.Backward(releases) {
		args := []any{p.snapID, p.architecture, name, openRevision(r.Revision), r.ReleasedAt, w.a.in.SignedAt, w.a.id}
		w.b.Queue(set, args...)
		if outcome.Releases() {
			w.history = append(w.history, args)
		}
	}
}

func (w *channelWriter) flush() error {
	if err := w.a.write(w.b); err != nil {
		return err
	}
	return w.a.insert("channel_history", []string{"snap_id", "architecture", "channel", "revision", "released_at", "signed_at", "import_id"}, w.history)
}

// parseEpoch parses the epoch in the item of a revision.
func parseEpoch(text string) (channelmap.Epoch, error) {
	var e snap.Epoch
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return channelmap.Epoch{}, fmt.Errorf("epoch: %w", err)
	}
	return channelmap.NewEpoch(e.Read, e.Write), nil
}

// openRevision returns a revision for a column: null for a closed channel.
func openRevision(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// storedRow is a row of a snap's channel map in the catalogue.
type storedRow struct {
	snapID   string
	releases []snap.Release
	origin   origin
	importID int64
}

// loadChannels loads the rows of the import's snaps.
func (a *applier) loadChannels() {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, import_id, c.signed_at, bundle, signer, sequence
		from channel_map c join import i on import_id = i.id where snap_id = any($1)
		order by snap_id, architecture, channel`
	var id string
	var r snap.Release
	var o origin
	var importID int64
	a.rowAt = make(map[string]int)
	a.read(q, a.snapIDs(), slices.Concat([]any{&id, &r.Architecture, &r.Channel, &r.Revision, &r.ReleasedAt, &importID}, o.columns()), func() error {
		if n := len(a.rows); n > 0 && a.rows[n-1].snapID == id && a.rows[n-1].releases[0].SameRow(r) {
			a.rows[n-1].releases = append(a.rows[n-1].releases, r)
			return nil
		}
		a.rowAt[(&replacedSnapRow{SnapID: id, Architecture: r.Architecture, Channel: r.Channel}).key()] = len(a.rows)
		a.rows = append(a.rows, storedRow{id, []snap.Release{r}, o, importID})
		return nil
	})
}

// ledger returns the loaded rows as a ledger, with the epochs of the revisions that the import brings.
func (a *applier) ledger() (*snapLedger, error) {
	ledger := new(snapLedger)
	for _, s := range a.rows {
		row, err := a.snapRow(s.snapID, s.releases)
		if err != nil {
			return nil, err
		}
		ledger.Load(row, s.origin.Origin)
	}
	return ledger, nil
}

// channel applies one row, if its revisions are in the catalogue, and reports the change.
func (a *applier) channel(ledger *snapLedger, name string, row snapRow, w *channelWriter) error {
	if staysWithdrawn(a, ledger, row.Key, Withdrawal{Kind: ItemSnap, Name: name, ID: row.Platform.snapID}) {
		return nil
	}
	before := ledger.Releases(row.Key)
	change := apply(a, ledger, row)
	move := SnapMove{Snap: name, Architecture: row.Platform.architecture, Channel: row.Channel.String(), From: change.From, To: change.To}
	if change.Outcome == channelmap.Kept {
		if change.From != change.To && !a.in.PushChannelMap { // with it, a later import of the same list sets the row
			a.r.Kept = append(a.r.Kept, move)
		}
		return nil
	}
	for _, r := range row.Releases {
		if _, ok := a.known[revisionKey{row.Platform.snapID, r.Revision}]; !ok {
			return fmt.Errorf("revision %d: %w", r.Revision, errNoRevision)
		}
	}
	switch change.Outcome {
	case channelmap.Moved:
		a.r.SnapMoves = append(a.r.SnapMoves, move.perEpoch(before, row.Releases)...)
	case channelmap.Revised:
		for i, r := range row.Releases {
			c := difference.Change{Snap: name, Channel: move.Channel, Architecture: move.Architecture}
			a.r.update(difference.OfReleaseTime(c, before[i].ReleasedAt, r.ReleasedAt)...)
		}
	}
	w.addRow(row, change.Outcome)
	return nil
}

// apply applies a row to a ledger. An import that was taken back changes no row.
func apply[P, V comparable](a *applier, ledger *channelmap.Ledger[P, V], row channelmap.Row[P, V]) channelmap.Change {
	if a.takenBack > 0 {
		return ledger.Keep(row)
	}
	return ledger.Apply(row, a.in.Origin(), a.forces(row.Key))
}

// perEpoch returns the moves of a row's releases: m for the newest epoch, and one for each older epoch that changed.
func (m SnapMove) perEpoch(before, after []channelmap.Release[struct{}]) (moves []SnapMove) {
	if m.From != m.To {
		moves = append(moves, m)
	}
	older := func(list []channelmap.Release[struct{}], at channelmap.Epoch) int {
		for _, r := range list[min(1, len(list)):] {
			if r.Epoch == at {
				return r.Revision
			}
		}
		return channelmap.NoRow
	}
	seen := make(map[channelmap.Epoch]bool)
	for _, r := range slices.Concat(before[min(1, len(before)):], after[min(1, len(after)):]) {
		m.From, m.To, m.Epoch = older(before, r.Epoch), older(after, r.Epoch), fmt.Sprint(r.Epoch.Read)
		if m.From != m.To && !seen[r.Epoch] {
			moves = append(moves, m)
		}
		seen[r.Epoch] = true
	}
	return moves
}
