// Package closure finds what snaps, components, charms, charm bundles and models need, and what of that is missing.
//
// A Set says what there is: in a catalogue, in bundles or in the plan of an export. A Gap is something that an item of a set needs
// and the set lacks. All commands that report gaps print the same sentence for the same gap, its String; how to fill a gap is for
// the commands to say.
package closure

import (
	"cmp"
	"slices"

	"offlinestore/assertion"
	"offlinestore/channel"
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
		charms: make(map[string]*Charm, len(s.Charms)), found: make(map[target]*snap.Revision)}
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
	for _, c := range wanted.WithTrack(cmp.Or(s.DefaultTrack, channel.DefaultTrack)).Fallbacks() {
		for i := range s.ChannelMap {
			if r := x.row(s, &s.ChannelMap[i], c, t.arch); r != nil {
				return r
			}
		}
	}
	return nil
}

// row returns the revision of a row if the row is that of channel c and serves arch, or nil.
func (x *index) row(s *Snap, row *snap.Release, c channel.Channel, arch string) *snap.Revision {
	if row.Revision == 0 || row.Channel == "" {
		return nil
	}
	if at, err := channel.Parse(row.Channel); err != nil || at.WithTrack(channel.DefaultTrack) != c {
		return nil
	}
	r := x.revisions[revisionKey{s.Name, row.Revision}]
	switch {
	case r == nil:
		return nil
	case arch == "" || arch == snap.All || row.Architecture == arch:
		return r
	case !x.set.EachArchitecture && slices.Contains(r.Architectures, snap.All):
		return r
	}
	return nil
}
