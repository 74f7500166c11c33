package exporter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"offlinestore/channel"
	"offlinestore/closure"
	"offlinestore/snap"
)

// maxRounds bounds the depth of dependencies. Real ones are two or three deep.
const maxRounds = 16

// addNeeds plans the dependencies of the planned snaps, and their dependencies in turn, for every architecture that needs them.
func (p *planner) addNeeds() error {
	for range maxRounds {
		needs := p.needs()
		if len(needs) == 0 {
			return nil
		}
		var queries []*snapQuery
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			n := needs[name]
			for _, arch := range n.archs {
				p.tried[target{name, arch}] = true
			}
			queries = append(queries, &snapQuery{name: name, channel: channel.Stable, archs: n.archs, need: n})
		}
		if err := p.addSnaps(queries); err != nil {
			return err
		}
	}
	return fmt.Errorf("the snaps' needs go more than %d deep", maxRounds)
}

// needs returns the snaps that are needed, and neither planned nor known to be missing. It also updates NeededBy of the planned snaps.
func (p *planner) needs() map[string]*need {
	out := make(map[string]*need)
	for _, n := range closureSet(slices.Collect(maps.Values(p.snaps))).SnapNeeds() {
		s := p.snaps[n.Name]
		if s != nil && s.NeededBy != nil && !slices.Contains(s.NeededBy, n.By) {
			s.NeededBy = append(s.NeededBy, n.By)
		}
		if n.Served || p.tried[target{n.Name, n.Architecture}] {
			continue
		}
		if out[n.Name] == nil {
			out[n.Name] = &need{}
		}
		out[n.Name].addNeeder(n.By, n.Architecture, n.Essential)
	}
	return out
}

func (n *need) addNeeder(by, arch string, essential bool) {
	if !slices.Contains(n.by, by) {
		n.by = append(n.by, by)
	}
	if !slices.Contains(n.archs, arch) {
		n.archs = append(n.archs, arch)
	}
	n.essential = n.essential || essential
}

// closureSet returns the snaps of a plan as closure sees them. A requested snap may be planned in other channels than the ones in which
// devices look for dependencies. It is then planned there as well.
func closureSet(snaps []*Snap) *closure.Set {
	set := &closure.Set{EachArchitecture: true, ImagesElsewhere: true}
	for _, s := range snaps {
		out := closure.Snap{Name: s.Listing.Name, DefaultTrack: s.Listing.DefaultTrack, ChannelMap: s.releases()}
		for _, r := range s.Revisions {
			out.Revisions = append(out.Revisions, &r.Revision)
			for _, arch := range r.archs {
				out.ChannelMap = append(out.ChannelMap, snap.Release{Architecture: arch, Revision: r.Number})
			}
		}
		set.Snaps = append(set.Snaps, out)
	}
	slices.SortFunc(set.Snaps, func(a, b closure.Snap) int { return cmp.Compare(a.Name, b.Name) })
	return set
}

// Set returns the content of the plan as closure sees it. The needs of charms are known once Fetch has read them. Images are ignored,
// because the operator may choose to leave them to a registry inside the gap.
func (p *Plan) Set() *closure.Set {
	set := closureSet(p.Snaps)
	for _, c := range p.Charms {
		out := closure.Charm{Name: c.Listing.Name, Type: c.Listing.Type, DefaultTrack: c.Listing.DefaultTrack, ChannelMap: c.Listing.ChannelMap}
		for _, r := range c.Revisions {
			out.Revisions = append(out.Revisions, closure.CharmRevision{Revision: &r.Revision, Snaps: r.Snaps, Images: r.Images})
		}
		for _, r := range c.Resources {
			out.Resources = append(out.Resources, closure.CharmResource{Name: r.Resource.Name, Revision: r.Resource.Revision, Image: r.Image})
		}
		out.AddUnreleased()
		set.Charms = append(set.Charms, out)
	}
	return set
}
