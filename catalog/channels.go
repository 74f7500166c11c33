package catalog

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/snap"
)

// channelKey names a row of the channel maps, channelRow is what it holds.
type channelKey struct{ snapID, architecture, channel string }

type channelRow struct {
	revision   int
	releasedAt string
	origin
}

// channels updates the rows of the channel maps that the bundle was asked for.
func (a *applier) channels() error {
	const set = `
		insert into channel_map (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (snap_id, architecture, channel) do update set revision = excluded.revision,
			released_at = excluded.released_at, signed_at = excluded.signed_at, import_id = excluded.import_id`
	have, err := a.loadChannels()
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	var history [][]any
	for _, s := range a.in.Snaps {
		for _, row := range s.ChannelMap {
			changed, released, err := a.channel(have, s, row)
			if err != nil {
				return fmt.Errorf("snap %s: channel %s for %s: %w", s.Name, row.Channel, row.Architecture, err)
			}
			var revision *int // null where the channel is closed
			if row.Revision != 0 {
				revision = &row.Revision
			}
			args := []any{s.SnapID, row.Architecture, row.Channel, revision, row.ReleasedAt, a.in.SignedAt, a.id}
			if changed {
				b.Queue(set, args...)
			}
			if released {
				history = append(history, args)
			}
		}
	}
	if err := a.send(b); err != nil {
		return err
	}
	return a.copy("channel_history", []string{"snap_id", "architecture", "channel", "revision", "released_at", "signed_at", "import_id"}, history)
}

func (a *applier) loadChannels() (map[channelKey]channelRow, error) {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, c.signed_at, bundle, signer, sequence
		from channel_map c join import i on import_id = i.id where snap_id = any($1)`
	ids := make([]string, len(a.in.Snaps))
	for i, s := range a.in.Snaps {
		ids[i] = s.SnapID
	}
	have := make(map[channelKey]channelRow)
	var k channelKey
	var r channelRow
	err := a.each(q, ids, []any{&k.snapID, &k.architecture, &k.channel, &r.revision, &r.releasedAt, &r.signedAt, &r.bundle, &r.signer, &r.sequence}, func() {
		have[k] = r
	})
	return have, err
}

// channel decides about one row: whether it changes in any way, and whether that is a release to remember. A newer bundle's
// row stays.
func (a *applier) channel(have map[channelKey]channelRow, s ImportedSnap, row snap.Release) (changed, released bool, err error) {
	key := channelKey{s.SnapID, row.Architecture, row.Channel}
	old, ok := have[key]
	from := old.revision
	if !ok {
		from = -1
	}
	move := SnapMove{s.Name, row.Architecture, row.Channel, from, row.Revision}
	if ok && old.newerThan(a.in) && !a.in.PushChannelMap {
		if from != row.Revision {
			a.r.Kept = append(a.r.Kept, move)
		}
		return false, false, nil
	}
	if _, ok := a.known[revisionKey{s.SnapID, row.Revision}]; !ok && row.Revision != 0 {
		return false, false, fmt.Errorf("revision %d: %w", row.Revision, errNoRevision)
	}
	have[key] = channelRow{row.Revision, row.ReleasedAt, a.in.origin()}
	if from != row.Revision {
		a.r.SnapMoves = append(a.r.SnapMoves, move)
	}
	released = from != row.Revision || old.releasedAt != row.ReleasedAt
	return released || !old.is(a.in), released, nil
}
