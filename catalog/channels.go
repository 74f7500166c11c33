package catalog

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// snapPlatform is a snap on an architecture.
type snapPlatform struct{ snapID, architecture string }

// snapLedger has the rows of the channel maps of several snaps.
type snapLedger = channelmap.Ledger[snapPlatform, struct{}]

func snapRow(snapID string, r snap.Release) (channelmap.Row[snapPlatform, struct{}], error) {
	c, err := channel.Parse(r.Channel)
	return channelmap.NewRow(snapPlatform{snapID, r.Architecture}, c, channelmap.Release[struct{}]{Revision: r.Revision, ReleasedAt: r.ReleasedAt}), err
}

// channels updates the rows of the channel maps that the bundle's export asked for.
func (a *applier) channels() error {
	const set = `
		insert into channel_map (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (snap_id, architecture, channel) do update set revision = excluded.revision,
			released_at = excluded.released_at, signed_at = excluded.signed_at, import_id = excluded.import_id`
	ledger, err := a.loadChannels()
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	var history [][]any
	for _, s := range a.in.Snaps {
		for _, row := range s.ChannelMap {
			outcome, err := a.channel(ledger, s, row)
			if err != nil {
				return fmt.Errorf("snap %s: channel %s for %s: %w", s.Name, row.Channel, row.Architecture, err)
			}
			args := []any{s.SnapID, row.Architecture, row.Channel, openRevision(row.Revision), row.ReleasedAt, a.in.SignedAt, a.id}
			if outcome.Writes() {
				b.Queue(set, args...)
			}
			if outcome.Releases() {
				history = append(history, args)
			}
		}
	}
	if err := a.send(b); err != nil {
		return err
	}
	return a.copy("channel_history", []string{"snap_id", "architecture", "channel", "revision", "released_at", "signed_at", "import_id"}, history)
}

// openRevision returns a revision for a column: null for a closed channel.
func openRevision(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func (a *applier) loadChannels() (*snapLedger, error) {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, c.signed_at, bundle, signer, sequence
		from channel_map c join import i on import_id = i.id where snap_id = any($1)`
	ids := make([]string, len(a.in.Snaps))
	for i, s := range a.in.Snaps {
		ids[i] = s.SnapID
	}
	ledger := new(snapLedger)
	var id string
	var r snap.Release
	var o origin
	err := a.each(q, ids, slices.Concat([]any{&id, &r.Architecture, &r.Channel, &r.Revision, &r.ReleasedAt}, o.columns()), func() error {
		row, err := snapRow(id, r)
		ledger.Load(row, o.Origin)
		return err
	})
	return ledger, err
}

// channel applies one row, if its revision is in the catalogue, and reports the change.
func (a *applier) channel(ledger *snapLedger, s ImportedSnap, r snap.Release) (channelmap.Outcome, error) {
	row, err := snapRow(s.SnapID, r)
	if err != nil {
		return 0, err
	}
	change := ledger.Apply(row, a.in.Origin(), a.in.PushChannelMap)
	move := SnapMove{s.Name, r.Architecture, r.Channel, change.From, change.To}
	if change.Outcome == channelmap.Kept {
		if change.From != change.To {
			a.r.Kept = append(a.r.Kept, move)
		}
		return change.Outcome, nil
	}
	if _, ok := a.known[revisionKey{s.SnapID, r.Revision}]; !ok && r.Revision != 0 {
		return 0, fmt.Errorf("revision %d: %w", r.Revision, errNoRevision)
	}
	if change.Outcome == channelmap.Moved {
		a.r.SnapMoves = append(a.r.SnapMoves, move)
	}
	return change.Outcome, nil
}
