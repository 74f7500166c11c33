package closure

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/charm"
)

// addClashes adds a gap for each tag that resources of part and of the set give to different images. Whoever pulls such a tag gets only one
// of them.
func (f *charmFinder) addClashes(part *Set) {
	var uses []charm.ImageUse
	for i := range f.set.Charms {
		uses = append(uses, f.set.Charms[i].imageUses(f.set.EachArchitecture)...)
	}
	inPart := make(map[string]bool, len(part.Charms))
	for i := range part.Charms {
		inPart[part.Charms[i].Name] = true
	}
	tags := charm.NewImageTags(uses)
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		a, b, ok := tags.Clash(tag)
		if !ok || !inPart[a.Charm] && !inPart[b.Charm] {
			continue
		}
		g := Gap{Kind: KindImageName, Name: tag}
		for i, u := range []charm.ImageUse{a, b} {
			by := Needer{Kind: KindCharm, Name: u.Charm}
			if g.Holders[i] = fmt.Sprintf("resource %s revision %d of charm %s", u.Resource, u.Revision, u.Charm); u.Resource == "" {
				by.Kind, g.Holders[i] = KindBundle, fmt.Sprintf("bundle %s revision %d", u.Charm, u.Revision)
			}
			if !slices.Contains(g.NeededBy, by) {
				g.NeededBy = append(g.NeededBy, by)
			}
		}
		f.gaps = append(f.gaps, g)
	}
}

// imageUses returns the images of a charm's resources, or of a charm bundle's applications. With all set, every revision counts as released, as in an export plan.
func (c *Charm) imageUses(all bool) (uses []charm.ImageUse) {
	released := make(map[charm.ResourceRef]bool)
	rows := make(map[int]bool)
	for _, row := range c.ChannelMap {
		rows[row.Revision] = true
		for _, ref := range row.Resources {
			released[ref] = released[ref] || row.Revision > 0
		}
	}
	for _, r := range c.Resources {
		if r.Image != nil {
			ref := charm.ResourceRef{Name: r.Name, Revision: r.Revision}
			uses = append(uses, charm.ImageUse{Charm: c.Name, Resource: r.Name, Revision: r.Revision, Image: r.Image, Released: all || released[ref]})
		}
	}
	for _, r := range c.Revisions {
		for i := range r.Images {
			uses = append(uses, charm.ImageUse{Charm: c.Name, Revision: r.Revision.Number, Image: &r.Images[i], Released: all || rows[r.Revision.Number]})
		}
	}
	return uses
}
