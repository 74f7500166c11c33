// Package closure finds the needs of snaps, components, charms, charm bundles, models and validation sets, and reports missing items.
//
// A Set lists the content of a catalogue, of bundles or of an export plan. A Gap is an item that another item of a set needs and
// the set lacks. All commands that report gaps print the same sentence for the same gap, its String. The commands add how to fill
// a gap.
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

// Set lists the content of a store, of some bundles or of an export plan, as far as needs depend on it. The zero value is empty.
type Set struct {
	Snaps  []Snap
	Charms []Charm
	// Models are model assertions.
	Models []*assertion.Assertion
	// ValidationSets are validation-set assertions.
	ValidationSets []*assertion.Assertion
	// Declarations are the snap-declarations of snaps that control the refreshes of others. Validations are the approvals of such refreshes.
	Declarations, Validations []*assertion.Assertion
	// Images are the digests of the manifests and indexes of container images.
	Images map[string]bool
	// ImagesElsewhere is set if another registry serves the images. Then no image counts as missing.
	ImagesElsewhere bool
	// Hidden reports whether devices of a model don't get a snap, because it is private to another store. It may be nil.
	Hidden func(model *assertion.Assertion, snapID string) bool
	// EachArchitecture is set if even a revision that runs on all architectures needs a row for each of them, as in an export plan.
	EachArchitecture bool

	// assertions holds the place of each assertion that AddAssertion has added, in its list.
	assertions map[string]int
}

// Snap is a snap with its revisions and the channel map that devices are served.
type Snap struct {
	Name, DefaultTrack string
	// SnapID may be empty if no declaration refers to it.
	SnapID    string
	Revisions []*snap.Revision
	// ChannelMap decides which revisions count: the revisions of open rows. A row without a channel stands for a revision to be
	// installed by its number.
	ChannelMap []snap.Release
}

// Charm is a charm or a charm bundle with its revisions, its resources and its channel map.
type Charm struct {
	// Type is charm.TypeCharm or charm.TypeBundle.
	Name, Type, DefaultTrack string
	Revisions                []CharmRevision
	Resources                []CharmResource
	// ChannelMap decides which revisions count, as in a Snap.
	ChannelMap []charm.Release
}

// CharmRevision is a revision of a charm or charm bundle, with the snaps that it installs and the images that it names.
type CharmRevision struct {
	*charm.Revision
	Snaps []charm.SnapHint
	// Images are the images that a charm bundle names for its applications.
	Images []charm.Image
}

// CharmResource is a revision of a charm's resource. Image is nil for a file.
type CharmResource struct {
	Name     string
	Revision int
	Image    *charm.Image
}

// Gaps returns the items that the items of s need and s lacks, sorted: first the needs of snaps and models, then the needs of
// validation sets, then the needs of charms and charm bundles.
func (s *Set) Gaps() []Gap { return s.GapsOf(s) }

// GapsOf returns the items that the items of part need and s lacks, sorted like Gaps.
func (s *Set) GapsOf(part *Set) []Gap {
	x := newIndex(s)
	return slices.Concat(x.snapGaps(part), x.setGaps(part), x.approvalGaps(part), x.charmGaps(part))
}

// index holds the items of a set by name.
type index struct {
	set       *Set
	snaps     map[string]*Snap
	revisions map[revisionKey]*snap.Revision
	charms    map[string]*Charm
	maps      map[*Snap]*channelmap.Map[string, *snap.Revision]
	found     map[target]*snap.Revision // the results of served
}

// revisionKey names a revision of a snap. target is a device's request for a snap.
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

// served returns the revision that a device of arch gets if it asks for a snap in a channel, or nil. The channel "" is stable in
// the default track, where devices look for the needs of another snap. The architecture "" or all means any.
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

// channelMap returns the channel map that devices of a snap follow. It leaves out rows without a channel and rows with an unknown
// revision.
func (x *index) channelMap(s *Snap) *channelmap.Map[string, *snap.Revision] {
	if m := x.maps[s]; m != nil {
		return m
	}
	m := channelmap.New[string, *snap.Revision](s.DefaultTrack, len(s.ChannelMap))
	// If one bundle has closed a channel and another one fills it, the open row counts.
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
			release.Epoch = channelmap.NewEpoch(r.Epoch.Read, r.Epoch.Write)
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
