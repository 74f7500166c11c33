package canonical

import (
	"cmp"
	"maps"
	"slices"

	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/snap"
)

// Place decides the channels of a group. The channels of the operator come first, then the ones in answers of the store that are in the
// collection. A snap that is new to the store goes to latest/stable otherwise. Of several revisions for a channel, the highest counts.
func (c *Collection) Place(catalog Catalog, g *Group, channels []channel.Channel) error {
	known, err := catalog.Snap(g.ID)
	if err != nil {
		return err
	}
	p := placer{group: g, rows: make(map[[2]string]snap.Release), known: known}
	switch {
	case len(channels) > 0:
		p.placeAll(channels)
	default:
		stated := c.stated[g.ID]
		g.track = stated.track
		for _, s := range stated.releases {
			p.placeNumber(s)
		}
		if len(p.rows) == 0 && known == nil {
			p.placeAll([]channel.Channel{{Risk: channel.Stable}})
		}
	}
	g.rows = nil
	for _, key := range slices.SortedFunc(maps.Keys(p.rows), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		g.rows = append(g.rows, p.rows[key])
	}
	return nil
}

// placer makes the rows of a group's channel map.
type placer struct {
	group *Group
	known *KnownSnap
	rows  map[[2]string]snap.Release // by channel and architecture
}

// placeAll puts each revision into channels, for all architectures that it is for.
func (p *placer) placeAll(channels []channel.Channel) {
	for _, c := range channels {
		name := c.WithTrack(p.track()).String()
		for _, r := range p.group.revisions {
			if !p.group.hasFile(r) {
				continue // it only gets a component
			}
			for _, arch := range p.architectures(r, name) {
				p.place(r, name, arch, "")
			}
		}
	}
}

// track returns the track of a channel that names none.
func (p *placer) track() string {
	if p.known != nil && p.known.DefaultTrack != "" {
		return p.known.DefaultTrack
	}
	return cmp.Or(p.group.track, channel.DefaultTrack)
}

// architectures returns the architectures of a revision. One that runs on all of them also replaces the rows of the channel for
// single ones.
func (p *placer) architectures(r *bundle.SnapRevision, name string) []string {
	out := slices.Clone(r.Revision.Architectures)
	if p.known != nil && slices.Contains(out, snap.All) {
		for _, row := range p.known.Rows {
			if row.Channel == name && !slices.Contains(out, row.Architecture) {
				out = append(out, row.Architecture)
			}
		}
	}
	return out
}

// place puts a revision into a channel, unless it has a higher one.
func (p *placer) place(r *bundle.SnapRevision, name, arch, releasedAt string) {
	key := [2]string{name, arch}
	if old, ok := p.rows[key]; !ok || old.Revision < r.Revision.Number {
		p.rows[key] = snap.Release{Architecture: arch, Channel: name, ReleasedAt: releasedAt, Revision: r.Revision.Number}
	}
}

// hasFile reports whether the file of a revision is in the group.
func (g *Group) hasFile(r *bundle.SnapRevision) bool {
	return slices.ContainsFunc(g.Files, func(f *SnapFile) bool { return f.Digest == r.Blob.Digest })
}

// placeNumber puts a revision into a channel of an answer. Without an architecture it is for all that the revision runs on.
func (p *placer) placeNumber(s statedRelease) {
	r := p.group.revision(s.revision)
	c, err := channel.Parse(s.channel)
	if err == nil {
		c, err = channel.ParseFull(c.Full()) // its track may make it too long
	}
	if r == nil || err != nil || snap.ValidateTime(s.releasedAt) != nil || s.architecture != "" && !r.Revision.Supports(s.architecture) {
		return
	}
	archs := []string{s.architecture}
	if s.architecture == "" {
		archs = r.Revision.Architectures
	}
	for _, a := range archs {
		p.place(r, c.Full(), a, s.releasedAt)
	}
}
