package instance

import (
	"slices"

	"offlinestore/catalog"
	"offlinestore/closure"
)

// keepResources keeps the revisions of resources that kept revisions of charms were released with.
func (p *pruner) keepResources() {
	for i := range p.c.Charms {
		c := &p.c.Charms[i]
		released := p.keepReleased(c)
		count := make(map[string]int)
		for j, r := range slices.Backward(c.Resources) {
			pin := closure.Pin{Kind: closure.KindResource, Name: c.Name, Resource: r.Name, Revision: r.Revision}
			// The newest revision stays for revisions of the charm that were never released.
			newest := j+1 == len(c.Resources) || c.Resources[j+1].Name != r.Name
			if newest || !released[pin] && !p.o.Unreleased {
				p.kept[pin] = true
			}
			if !p.kept[pin] {
				p.keepSome(pin, []string{r.Name}, count)
			}
		}
	}
}

// keepReleased keeps the resources of the last release of each kept revision in each channel and base. It returns all resources that
// were ever released.
func (p *pruner) keepReleased(c *catalog.Charm) map[closure.Pin]bool {
	type place struct {
		revision      int
		channel, base string
	}
	seen, released := make(map[place]bool), make(map[closure.Pin]bool)
	for _, row := range slices.Concat(c.ChannelMap, c.Pushed, c.History) { // the newest first
		at := place{revision: row.Revision, channel: row.Channel}
		if row.Base != nil {
			at.base = row.Base.String()
		}
		keep := !seen[at] && p.kept[pinOf(closure.KindCharm, c.Name, row.Revision)]
		seen[at] = true
		for _, ref := range row.Resources {
			pin := closure.Pin{Kind: closure.KindResource, Name: c.Name, Resource: ref.Name, Revision: ref.Revision}
			released[pin] = true
			p.kept[pin] = p.kept[pin] || keep
		}
	}
	return released
}

// rest returns the items for all revisions that are not kept.
func (p *pruner) rest() (items []catalog.Item) {
	for _, s := range p.c.Snaps {
		it := catalog.Item{Kind: catalog.ItemSnap, Name: s.Name}
		for _, r := range s.Revisions {
			if !p.kept[pinOf(closure.KindSnap, s.Name, r.Number)] {
				it.Revisions = append(it.Revisions, r.Number)
			}
		}
		if len(it.Revisions) > 0 {
			items = append(items, it)
		}
	}
	for _, c := range p.c.Charms {
		it := catalog.Item{Kind: catalog.ItemKind(c.Type), Name: c.Name}
		for _, r := range c.Revisions {
			if !p.kept[pinOf(closure.KindCharm, c.Name, r.Number)] {
				it.Revisions = append(it.Revisions, r.Number)
			}
		}
		for _, r := range c.Resources {
			if !p.kept[closure.Pin{Kind: closure.KindResource, Name: c.Name, Resource: r.Name, Revision: r.Revision}] {
				it.Resources = append(it.Resources, catalog.ResourceRef{Charm: c.Name, Resource: r.Name, Revision: r.Revision, Size: r.Download.Size})
			}
		}
		if len(it.Revisions)+len(it.Resources) > 0 {
			items = append(items, it)
		}
	}
	return items
}
