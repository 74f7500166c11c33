package catalog

import (
	"cmp"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/snap"
)

// asReleasedAt is the time of an override in the form of the store's own times.
const asReleasedAt = `to_char(set_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

func (l *loader) overrides() error {
	const q = `
		select snap_id, architecture, channel, revision, ` + asReleasedAt + ` from snap_override
		order by snap_id, architecture collate "C", channel collate "C"`
	return l.releases(q, func(s *Snap) *[]snap.Release { return &s.Overrides })
}

// overridden adds to the history what channels held by an override: a device that was given it may ask for it by number.
func (l *loader) overridden() error {
	const q = `
		select snap_id, architecture, channel, revision, ` + asReleasedAt + ` from snap_override_history
		where revision is not null order by snap_id, set_at desc, id desc`
	return l.releases(q, func(s *Snap) *[]snap.Release { return &s.History })
}

// Served is the channel map with the overrides in it, sorted like ChannelMap: what devices are offered.
func (s *Snap) Served() []snap.Release {
	if len(s.Overrides) == 0 {
		return s.ChannelMap
	}
	type key struct{ architecture, channel string }
	at := func(r snap.Release) key {
		c, err := channel.Parse(r.Channel)
		if err != nil {
			return key{r.Architecture, r.Channel}
		}
		return key{r.Architecture, c.Full()}
	}
	over := make(map[key]snap.Release, len(s.Overrides))
	for _, o := range s.Overrides {
		over[at(o)] = o
	}
	out, reached := []snap.Release{}, make(map[string]bool)
	for _, r := range s.ChannelMap {
		k := at(r)
		o, ok := over[k]
		if !ok {
			o, ok = over[key{snap.All, k.channel}]
			reached[k.channel] = reached[k.channel] || ok
		}
		if ok {
			r.Revision, r.ReleasedAt = o.Revision, o.ReleasedAt
			delete(over, k)
		}
		out = append(out, r)
	}
	for k, o := range over {
		// What is for all is served to those architectures that the channel has, and by itself only where it has none.
		if k.architecture != snap.All || !reached[k.channel] {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b snap.Release) int {
		return cmp.Or(strings.Compare(a.Architecture, b.Architecture), strings.Compare(a.Channel, b.Channel))
	})
	return out
}
