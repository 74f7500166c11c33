package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/snap"
)

// channels updates the rows of the channel maps that the bundle was asked for, in a fixed order, so that two imports at
// once do not wait for each other.
func (a *applier) channels(id int64) error {
	snaps := slices.SortedFunc(slices.Values(a.in.Snaps), func(x, y ImportedSnap) int { return cmp.Compare(x.SnapID, y.SnapID) })
	for _, s := range snaps {
		rows := slices.SortedFunc(slices.Values(s.ChannelMap), func(x, y snap.Release) int {
			return cmp.Or(cmp.Compare(x.Architecture, y.Architecture), cmp.Compare(x.Channel, y.Channel))
		})
		for _, row := range rows {
			if err := a.channel(id, s, row); err != nil {
				return fmt.Errorf("snap %s: channel %s for %s: %w", s.Name, row.Channel, row.Architecture, err)
			}
		}
	}
	return nil
}

// channel updates one row, unless a newer bundle has set it.
func (a *applier) channel(id int64, s ImportedSnap, row snap.Release) error {
	const current = `
		select coalesce(revision, 0), released_at, signed_at from channel_map
		where snap_id = $1 and architecture = $2 and channel = $3 for update`
	const set = `
		insert into channel_map (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
		values ($1, $2, $3, nullif($4, 0), $5, $6, $7)
		on conflict (snap_id, architecture, channel) do update set revision = excluded.revision,
			released_at = excluded.released_at, signed_at = excluded.signed_at, import_id = excluded.import_id`
	const remember = `
		insert into channel_history (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
		values ($1, $2, $3, nullif($4, 0), $5, $6, $7)`
	from, releasedAt, signedAt := -1, "", time.Time{}
	err := a.tx.QueryRow(a.ctx, current, s.SnapID, row.Architecture, row.Channel).Scan(&from, &releasedAt, &signedAt)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	move := Move{s.Name, row.Architecture, row.Channel, from, row.Revision}
	if signedAt.After(a.in.SignedAt) && !a.in.PushChannelMap {
		if from != row.Revision {
			a.r.Kept = append(a.r.Kept, move)
		}
		return nil
	}
	args := []any{s.SnapID, row.Architecture, row.Channel, row.Revision, row.ReleasedAt, a.in.SignedAt, id}
	if _, err := a.tx.Exec(a.ctx, set, args...); err != nil {
		return err
	}
	if from == row.Revision && releasedAt == row.ReleasedAt {
		return nil
	}
	if from != row.Revision {
		a.r.Moves = append(a.r.Moves, move)
	}
	_, err = a.tx.Exec(a.ctx, remember, args...)
	return err
}
