package catalog

import (
	"cmp"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// asReleasedAt formats the time of an override like the store's own times.
const asReleasedAt = `to_char(set_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

// Served returns the rows that devices are offered: the channel map with the overrides applied, sorted like ChannelMap.
func (s *Snap) Served() []snap.Release {
	served, _ := s.Overlay()
	return served
}

// Overlay returns the rows that devices are offered, sorted like ChannelMap, and the rows of ChannelMap that an override of their
// own architecture hides. Devices of other architectures may still be served from a hidden row.
func (s *Snap) Overlay() (served, hidden []snap.Release) {
	if len(s.Overrides) == 0 {
		return s.ChannelMap, nil
	}
	imported, odd := s.overlayRows(s.ChannelMap)
	overrides, _ := s.overlayRows(s.Overrides)
	rows, under := channelmap.Overlay(imported, overrides, snap.All)
	served = append(releasesOf(rows), odd...)
	slices.SortStableFunc(served, func(a, b snap.Release) int {
		return cmp.Or(strings.Compare(a.Architecture, b.Architecture), strings.Compare(a.Channel, b.Channel))
	})
	return served, releasesOf(under)
}

// overlayRow is a row by architecture.
type overlayRow = channelmap.Row[string, struct{}]

// overlayRows returns releases as rows. odd are the releases with an invalid channel. The caller reports them.
func (s *Snap) overlayRows(list []snap.Release) (rows []overlayRow, odd []snap.Release) {
	epochs := make(map[int]channelmap.Epoch, len(s.Revisions))
	for i := range s.Revisions {
		r := &s.Revisions[i].Revision
		epochs[r.Number] = channelmap.NewEpoch(r.Epoch.Read, r.Epoch.Write)
	}
	for _, releases := range snap.Rows(list) {
		c, err := channel.Parse(releases[0].Channel)
		if err != nil {
			odd = append(odd, releases...)
			continue
		}
		row := make([]channelmap.Release[struct{}], len(releases))
		for i, r := range releases {
			row[i] = channelmap.Release[struct{}]{Revision: r.Revision, ReleasedAt: r.ReleasedAt, Epoch: epochs[r.Revision]}
		}
		rows = append(rows, channelmap.NewRow(releases[0].Architecture, c.WithTrack(channel.DefaultTrack), row...))
	}
	return rows, odd
}

// releasesOf returns the releases of rows, the newest epoch of each first.
func releasesOf(rows []overlayRow) (out []snap.Release) {
	for _, row := range rows {
		at := snap.Release{Architecture: row.Platform, Channel: row.Channel.String()}
		if len(row.Releases) == 0 {
			out = append(out, at)
		}
		for _, r := range row.Releases {
			at.Revision, at.ReleasedAt = r.Revision, r.ReleasedAt
			out = append(out, at)
		}
	}
	return out
}
