package closure

import (
	"cmp"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// charmFinder collects the gaps of charms and charm bundles in x.
type charmFinder struct {
	*index
	gaps []Gap
}

// charmGaps visits every open row of the channel maps of part's charms.
func (x *index) charmGaps(part *Set) []Gap {
	f := &charmFinder{index: x}
	for i := range part.Charms {
		c := &part.Charms[i]
		revisions := make(map[int]*CharmRevision, len(c.Revisions))
		for j := range c.Revisions {
			revisions[c.Revisions[j].Revision.Number] = &c.Revisions[j]
		}
		for j := range c.ChannelMap {
			if r := revisions[c.ChannelMap[j].Revision]; r != nil {
				f.addRow(c, r, &c.ChannelMap[j])
			}
		}
	}
	f.addClashes(part)
	slices.SortFunc(f.gaps, compareCharmGaps)
	return slices.CompactFunc(f.gaps, equalGaps) // one revision may be in several rows
}

func (f *charmFinder) addRow(c *Charm, r *CharmRevision, row *charm.Release) {
	if c.Type == charm.TypeBundle {
		f.addCharms(c, r)
		return
	}
	f.addResources(c, r, row)
	f.addBase(c, r, row)
	for i := range r.Snaps {
		if row.Base != nil {
			f.addSnap(c, r, row.Base.Architecture, &r.Snaps[i])
		}
	}
}

// addGap adds a gap of a revision.
func (f *charmFinder) addGap(c *Charm, r *CharmRevision, g Gap) {
	by := Needer{Kind: KindCharm, Name: c.Name, Revision: r.Revision.Number}
	if c.Type == charm.TypeBundle {
		by.Kind = KindBundle
	}
	g.NeededBy = []Needer{by}
	f.gaps = append(f.gaps, g)
}

// addBase adds a gap for a row of a base that the revision is not for. Its architecture doesn't count, because an export names only the
// requested architectures of a base for all.
func (f *charmFinder) addBase(c *Charm, r *CharmRevision, row *charm.Release) {
	if row.Base == nil || row.Channel == "" || len(r.Bases) == 0 {
		return
	}
	var supported []string
	for _, b := range r.Bases {
		if b == nil || b.Name == row.Base.Name && b.Channel == row.Base.Channel {
			return
		}
		supported = append(supported, b.String())
	}
	f.addGap(c, r, Gap{Kind: KindRow, Name: c.Name, Revision: r.Revision.Number, Channel: row.Channel, Architecture: row.Base.String(), Supported: strings.Join(supported, ", ")})
}

// addResources adds gaps for resources that the charm's metadata declares and its release lacks, and for images that cannot be
// pulled. A revision in no channel has no release.
func (f *charmFinder) addResources(c *Charm, r *CharmRevision, row *charm.Release) {
	m, err := charm.ParseMetadata(r.MetadataYAML)
	if err != nil {
		return // the import or export has refused it
	}
	for name := range m.Resources {
		if row.Channel != "" && !slices.ContainsFunc(row.Resources, func(ref charm.ResourceRef) bool { return ref.Name == name }) {
			f.addGap(c, r, Gap{Kind: KindResource, Name: name})
		}
	}
	if f.set.ImagesElsewhere {
		return
	}
	for _, ref := range row.Resources {
		i := slices.IndexFunc(c.Resources, func(res CharmResource) bool { return res.Name == ref.Name && res.Revision == ref.Revision })
		if i >= 0 && c.Resources[i].Image != nil && !f.set.Images[c.Resources[i].Image.Digest] {
			f.addGap(c, r, Gap{Kind: KindImage, Name: c.Resources[i].Image.Name})
		}
	}
}

// addSnap adds a gap for a snap that the charm installs on arch if it is missing for arch, or missing in the revision that the
// charm requires. The channel doesn't matter, because it can't be read reliably from the charm's code.
func (f *charmFinder) addSnap(c *Charm, r *CharmRevision, arch string, h *charm.SnapHint) {
	number, pinned := h.Revisions[arch]
	if !pinned {
		number, pinned = h.Revisions[""]
	}
	if !pinned && len(h.Revisions) > 0 {
		return // the snap is not installed on arch
	}
	fits := func(rev *snap.Revision) bool {
		if pinned {
			return rev.Number == number
		}
		return rev.Supports(arch)
	}
	if s := f.snaps[h.Name]; s != nil && slices.ContainsFunc(s.Revisions, fits) {
		return
	}
	f.addGap(c, r, Gap{Kind: KindSnap, Name: h.Name, Revision: number, Architecture: arch, InstalledFrom: h.Channel})
}

// addCharms adds gaps for the charms of a charm bundle that are missing, or missing in the channel or revision that the bundle
// names.
func (f *charmFinder) addCharms(c *Charm, r *CharmRevision) {
	b, err := charm.ParseBundle([]byte(r.BundleYAML))
	if err != nil {
		return // the import or export has refused it
	}
	for i := range b.Applications {
		if g, ok := f.application(&b.Applications[i]); ok {
			f.addGap(c, r, g)
		}
	}
	for i := range r.Images {
		if !f.set.ImagesElsewhere && !f.set.Images[r.Images[i].Digest] {
			f.addGap(c, r, Gap{Kind: KindImage, Name: r.Images[i].Name})
		}
	}
}

// application returns the gap of an application of a charm bundle, and reports whether there is one.
func (f *charmFinder) application(a *charm.Application) (Gap, bool) {
	if a.Local {
		return Gap{}, false
	}
	g := Gap{Kind: KindCharm, Name: a.Charm}
	have := f.charms[a.Charm]
	if have == nil {
		return g, true
	}
	if a.Revision != nil {
		g.Revision = *a.Revision
		return g, !slices.ContainsFunc(have.Revisions, func(r CharmRevision) bool { return r.Revision.Number == *a.Revision })
	}
	wanted, err := channel.Parse(cmp.Or(a.Channel, channel.Stable))
	if err != nil {
		return g, false
	}
	g.Channel = wanted.WithTrack(cmp.Or(have.DefaultTrack, channel.DefaultTrack)).String()
	for _, arch := range a.Architectures {
		if m := have.channelMap(arch); m.Best(m.WithTrack(wanted)) == nil {
			g.Architecture = arch
			return g, true
		}
	}
	m := have.channelMap("")
	return g, m.Best(m.WithTrack(wanted)) == nil
}

// channelMap returns the open rows of a charm or a charm bundle for arch, or for all architectures. Other parts of the bases do not matter
// here.
func (c *Charm) channelMap(arch string) *channelmap.Map[int, *charm.Release] {
	m := channelmap.New[int, *charm.Release](c.DefaultTrack, len(c.ChannelMap))
	for i := range c.ChannelMap {
		row := &c.ChannelMap[i]
		if arch != "" && row.Base != nil && row.Base.Architecture != arch {
			continue
		}
		if at, err := channel.Parse(row.Channel); err == nil && row.Revision > 0 {
			m.Put(channelmap.NewRow(i, at.WithTrack(channel.DefaultTrack), channelmap.Release[*charm.Release]{Revision: row.Revision, Value: row}))
		}
	}
	m.Arrange(func(a, b *channelmap.Entry[int, *charm.Release]) int { return a.Platform - b.Platform })
	return m
}
