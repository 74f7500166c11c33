package catalog

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// FromBundles returns the rows that bundles state, held or not.
func (s *Snap) FromBundles() []snap.Release {
	if s.Held {
		return s.Pushed
	}
	return s.ChannelMap
}

// FromBundles returns the rows that bundles state, held or not.
func (c *Charm) FromBundles() []charm.Release {
	if c.Held {
		return c.Pushed
	}
	return c.ChannelMap
}

// snaps returns the rows of snaps. A snap that was removed since stays removed.
func (b *rollbacker) snaps(c *Snapshot) error {
	rows := make(map[string][]replacedSnapRow)
	for _, r := range b.before.Snaps {
		rows[r.SnapID] = append(rows[r.SnapID], r)
	}
	noteRemoved(b, "snap", rows, func(id string) bool {
		return slices.ContainsFunc(c.Snaps, func(s Snap) bool { return s.SnapID == id })
	})
	for i := range c.Snaps {
		s := &c.Snaps[i]
		if len(rows[s.SnapID]) == 0 {
			continue
		}
		after, held := s.FromBundles(), s.ChannelMap
		since, _ := c.heldSince(Hold{Kind: ItemSnap, ID: s.SnapID})
		for _, r := range rows[s.SnapID] {
			b.requireSnap(s, r)
			after = r.putInto(after)
			if b.since[r.key()] <= since {
				held = r.putInto(held)
			}
		}
		changed := s.rowsByKey(after)
		for _, r := range rows[s.SnapID] {
			if err := b.queueSnapRow(s, r, changed); err != nil {
				return err
			}
		}
		if !s.Held {
			b.done.SnapMoves = append(b.done.SnapMoves, s.moves(s.ChannelMap, after)...)
			continue
		}
		moves := s.moves(s.ChannelMap, held)
		b.noteHeld(s.Name, len(moves) < len(s.moves(s.Pushed, after)))
		b.done.SnapMoves = append(b.done.SnapMoves, moves...)
		if err := b.queueHeld(ItemSnap, s.SnapID, held); err != nil {
			return err
		}
	}
	return nil
}

// noteRemoved notes the snaps or charms that were removed since.
func noteRemoved[R any](b *rollbacker, kind string, rows map[string][]R, isHere func(id string) bool) {
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if !isHere(id) {
			b.done.Stay = append(b.done.Stay, fmt.Sprintf("the %s with the id %s was removed, and stays removed", kind, id))
		}
	}
}

// noteHeld notes a snap or charm whose hold is older than some of the imports, if the rollback changes what waits for its release.
func (b *rollbacker) noteHeld(name string, changed bool) {
	if changed {
		b.done.Stay = append(b.done.Stay, name+" is held: what waits for its release changes, and its channels stay")
	}
}

// releases returns the releases of the row. A closed row has one of revision 0. There are none if there was no row.
func (r *replacedSnapRow) releases() (list []snap.Release) {
	at := snap.Release{Architecture: r.Architecture, Channel: r.Channel}
	for _, v := range r.Releases {
		at.Revision, at.ReleasedAt = v.Revision, v.ReleasedAt
		list = append(list, at)
	}
	if len(list) == 0 && r.Import > 0 {
		list = append(list, at)
	}
	return list
}

// putInto returns the rows with this one in place of the one there.
func (r *replacedSnapRow) putInto(rows []snap.Release) []snap.Release {
	at := snap.Release{Architecture: r.Architecture, Channel: r.Channel}
	rest := slices.DeleteFunc(slices.Clone(rows), func(o snap.Release) bool { return at.SameRow(o) })
	return append(rest, r.releases()...)
}

// requireSnap finds revisions of the row that were removed since.
func (b *rollbacker) requireSnap(s *Snap, r replacedSnapRow) {
	for _, v := range r.Releases {
		if !slices.ContainsFunc(s.Revisions, func(have SnapRevision) bool { return have.Number == v.Revision }) {
			b.lost = append(b.lost, fmt.Sprintf("%s revision %d, which %s for %s held", s.Name, v.Revision, r.Channel, r.Architecture))
		}
	}
}

// queueSnapRow queues the return of a row to its former state. after has the rows afterwards. If the content of the row changes, the history of
// releases has it, too.
func (b *rollbacker) queueSnapRow(s *Snap, r replacedSnapRow, after map[channelmap.Key[string]]overlayRow) error {
	const (
		clear = `delete from channel_map where snap_id = $1 and architecture = $2 and channel = $3`
		set   = `
			insert into channel_map (snap_id, architecture, channel, revision, released_at, signed_at, import_id)
			values ($1, $2, $3, $4, $5, $6, $7)`
		remember = `
			insert into channel_history (snap_id, architecture, channel, revision, released_at, signed_at, import_id, rollback_id)
			select $1, $2, $3, $4, $5, signed_at, $6, $7 from import where id = $6`
	)
	ch, err := channel.Parse(r.Channel)
	if err != nil {
		return err
	}
	key := channelmap.Key[string]{Platform: r.Architecture, Channel: ch.WithTrack(channel.DefaultTrack)}
	was := s.rowsByKey(s.FromBundles())[key]
	b.b.Queue(clear, r.SnapID, r.Architecture, r.Channel)
	releases := after[key].Releases
	if len(releases) == 0 {
		releases = []channelmap.Release[struct{}]{{}}
	}
	from := r.Import
	if from == 0 {
		from = b.first
	}
	for _, v := range slices.Backward(releases) {
		if r.Import > 0 {
			b.b.Queue(set, r.SnapID, r.Architecture, r.Channel, openRevision(v.Revision), v.ReleasedAt, r.SignedAt, r.Import)
		}
		if !slices.Equal(was.Releases, after[key].Releases) {
			b.b.Queue(remember, r.SnapID, r.Architecture, r.Channel, openRevision(v.Revision), v.ReleasedAt, from, b.id)
		}
	}
	return nil
}

// queueHeld queues the rows of a hold that began after imports which are taken back now.
func (b *rollbacker) queueHeld(kind ItemKind, id string, rows any) error {
	raw, err := jsonText(rows)
	if err != nil {
		return err
	}
	b.b.Queue(`update hold set rows = $3 where kind = $1 and id = $2`, kind, id, raw)
	return nil
}

// charms returns the rows of charms and charm bundles, like snaps.
func (b *rollbacker) charms(c *Snapshot) error {
	rows := make(map[string][]replacedCharmRow)
	for _, r := range b.before.Charms {
		rows[r.CharmID] = append(rows[r.CharmID], r)
	}
	noteRemoved(b, "charm", rows, func(id string) bool {
		return slices.ContainsFunc(c.Charms, func(ch Charm) bool { return ch.ID == id })
	})
	for i := range c.Charms {
		ch := &c.Charms[i]
		if len(rows[ch.ID]) == 0 {
			continue
		}
		after, held := ch.FromBundles(), ch.ChannelMap
		since, _ := c.heldSince(Hold{Kind: ItemCharm, ID: ch.ID})
		for _, r := range rows[ch.ID] {
			release, err := r.release()
			if err != nil {
				return fmt.Errorf("charm %s: channel %s: %w", ch.Name, r.Channel, err)
			}
			if !ch.has(release) {
				b.lost = append(b.lost, fmt.Sprintf("%s revision %d or one of its resources, which %s held", ch.Name, r.Revision, r.Channel))
			}
			after = r.putInto(after, release)
			if b.since[r.key()] <= since {
				held = r.putInto(held, release)
			}
			b.queueCharmRow(r)
		}
		if !ch.Held {
			b.done.CharmMoves = append(b.done.CharmMoves, charmMoves(ch.Name, ch.ChannelMap, after)...)
			continue
		}
		moves := charmMoves(ch.Name, ch.ChannelMap, held)
		b.noteHeld(ch.Name, len(moves) < len(charmMoves(ch.Name, ch.Pushed, after)))
		b.done.CharmMoves = append(b.done.CharmMoves, moves...)
		if err := b.queueHeld(ItemCharm, ch.ID, held); err != nil {
			return err
		}
	}
	return nil
}

// queueCharmRow queues the return of a row to its former state.
func (b *rollbacker) queueCharmRow(r replacedCharmRow) {
	const (
		clear = `
			delete from charm_channel_map where charm_id = $1 and base = $2 and base_channel = $3 and architecture = $4 and channel = $5`
		set = `
			insert into charm_channel_map (charm_id, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	)
	b.b.Queue(clear, r.CharmID, r.Base.Name, r.Base.Channel, r.Base.Architecture, r.Channel)
	if r.Import == 0 {
		return
	}
	resources := "[]"
	if len(r.Resources) > 0 {
		resources = string(r.Resources)
	}
	b.b.Queue(set, r.CharmID, r.Base.Name, r.Base.Channel, r.Base.Architecture, r.Channel, openRevision(r.Revision), r.ReleasedAt, resources, r.SignedAt, r.Import)
}
