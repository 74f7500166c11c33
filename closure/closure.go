// Package closure finds what snaps, components, charms, charm bundles and models need, and what of that is missing.
//
// A Set says what there is: in a catalogue, in bundles or in the plan of an export. A Gap is something that an item of a set needs
// and the set lacks. All commands that report gaps print the same sentence for the same gap, its String; how to fill a gap is for
// the commands to say.
package closure

import (
	"cmp"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// Set lists everything that a store, some bundles or an export plan hold, as far as needs depend on it. The zero value is empty.
type Set struct {
	Snaps  []Snap
	Charms []Charm
	// Models are model assertions.
	Models []*assertion.Assertion
	// Images are the digests of the manifests and indexes of container images.
	Images map[string]bool
	// ImagesElsewhere is set if another registry serves the images: then no image counts as missing.
	ImagesElsewhere bool
	// EachArchitecture is set if even a revision that runs on all architectures needs a row for each of them, as in an export plan.
	EachArchitecture bool
}

// Snap is a snap with its revisions and the channel map that devices are served.
type Snap struct {
	Name, DefaultTrack string
	Revisions          []*snap.Revision
	// ChannelMap decides which revisions count: those of open rows. A row without a channel stands for a revision that is to be
	// installed by its number.
	ChannelMap []snap.Release
}

// Charm is a charm or a charm bundle with its revisions, its resources and its channel map.
type Charm struct {
	// Type is charm.TypeCharm or charm.TypeBundle.
	Name, Type, DefaultTrack string
	Revisions                []CharmRevision
	Resources                []CharmResource
	// ChannelMap decides which revisions count, as that of a Snap does.
	ChannelMap []charm.Release
}

// CharmRevision is a revision of a charm or charm bundle, with the snaps that it installs.
type CharmRevision struct {
	*charm.Revision
	Snaps []charm.SnapHint
}

// CharmResource is a revision of a charm's resource; Image is nil for a file.
type CharmResource struct {
	Name     string
	Revision int
	Image    *charm.Image
}

// Gaps returns what the items of s need and s lacks, sorted: first what snaps and models need, then what charms and bundles need.
func (s *Set) Gaps() []Gap { return s.GapsOf(s) }

// GapsOf returns what the items of part need and s lacks, sorted like Gaps.
func (s *Set) GapsOf(part *Set) []Gap {
	x := newIndex(s)
	return slices.Concat(x.snapGaps(part), x.charmGaps(part))
}

// index is a set by the names of its items.
type index struct {
	set       *Set
	snaps     map[string]*Snap
	revisions map[revisionKey]*snap.Revision
	charms    map[string]*Charm
	maps      map[*Snap]*channelmap.Map[string, *snap.Revision]
	found     map[target]*snap.Revision // the answers of served
}

// revisionKey names a revision of a snap, target what a device asks for.
type revisionKey struct {
	name   string
	number int
}

type target struct{ name, channel, arch string }

func newIndex(s *Set) *index {
	x := &index{set: s, snaps: make(map[string]*Snap, len(s.Snaps)), revisions: make(map[revisionKey]*snap.Revision),
		charms: make(map[string]*Charm, len(s.Charms)), found: make(map[target]*snap.Revision),
		maps: make(map[*Snap]*channelmap.Map[string, *snap.Revision])}
	for i := range s.Snaps {
		sn := &s.Snaps[i]
		x.snaps[sn.Name] = sn
		for _, r := range sn.Revisions {
			x.revisions[revisionKey{sn.Name, r.Number}] = r
		}
	}
	for i := range s.Charms {
		x.charms[s.Charms[i].Name] = &s.Charms[i]
	}
	return x
}

// served returns the revision that a device of arch finds if it asks for a snap in a channel, or nil. The channel "" is the stable
// one of the default track, where devices look for what another snap needs. The architecture "" or all is any.
func (x *index) served(name, ch, arch string) *snap.Revision {
	key := target{name, ch, arch}
	r, ok := x.found[key]
	if !ok {
		r = x.find(key)
		x.found[key] = r
	}
	return r
}

func (x *index) find(t target) *snap.Revision {
	s := x.snaps[t.name]
	if s == nil {
		return nil
	}
	wanted, err := channel.Parse(cmp.Or(t.channel, channel.Stable))
	if err != nil {
		return nil
	}
	m := x.channelMap(s)
	e := m.Best(m.WithTrack(wanted))
	if t.arch != "" && t.arch != snap.All {
		e = m.Follow(t.arch, m.WithTrack(wanted))
	}
	if e == nil {
		return nil
	}
	return e.Value
}

// channelMap returns the channel map that devices of a snap follow. Rows without a channel, or without a revision that is known, are
// in no channel of it.
func (x *index) channelMap(s *Snap) *channelmap.Map[string, *snap.Revision] {
	if m := x.maps[s]; m != nil {
		return m
	}
	m := channelmap.New[string, *snap.Revision](s.DefaultTrack, len(s.ChannelMap))
	// Of two bundles, one may have closed a channel that the other fills: the open row counts.
	rows := slices.Clone(s.ChannelMap)
	slices.SortStableFunc(rows, func(a, b snap.Release) int { return min(b.Revision, 1) - min(a.Revision, 1) })
	for _, row := range rows {
		c, err := channel.Parse(row.Channel)
		if err != nil {
			continue
		}
		r := x.revisions[revisionKey{s.Name, row.Revision}]
		if r == nil && row.Revision != 0 {
			continue
		}
		release := channelmap.Release[*snap.Revision]{Revision: row.Revision, ReleasedAt: row.ReleasedAt, Value: r}
		if r != nil {
			release.Everywhere = !x.set.EachArchitecture && slices.Contains(r.Architectures, snap.All)
		}
		m.Put(channelmap.NewRow(row.Architecture, c.WithTrack(channel.DefaultTrack), release))
	}
	m.Arrange(func(a, b *channelmap.Entry[string, *snap.Revision]) int {
		return strings.Compare(a.Platform, b.Platform)
	})
	x.maps[s] = m
	return m
}
