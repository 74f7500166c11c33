package instance

import (
	"cmp"
	"slices"

	"offlinestore/catalog"
)

// images returns the images of repositories that no tag names any more, and that are neither new enough nor among the newest ones. An image
// that never had a tag stays, because it was exported to be pulled by its digest.
func (p *pruner) images() (items []catalog.Item) {
	for i := range p.c.Repositories {
		r := &p.c.Repositories[i]
		it := catalog.Item{Kind: catalog.ItemImage, Name: r.Name}
		newest := slices.SortedStableFunc(slices.Values(r.Images), func(a, b catalog.RepositoryImage) int { return cmp.Compare(b.Import, a.Import) })
		kept := 0
		for _, image := range newest {
			key := catalog.RevisionKey{Kind: catalog.ItemImage, Name: r.Name, Resource: image.Digest.String()}
			switch {
			case len(r.TagsOf(image.Digest)) > 0, p.returns[key], !image.Tagged && !p.o.Unreleased:
			case p.o.OlderThan > 0 && p.times[key].After(p.since):
			case kept < p.o.Keep:
				kept++
			default:
				it.Digests = append(it.Digests, image.Digest)
			}
		}
		if it.Whole = len(it.Digests) == len(r.Images); len(it.Digests) > 0 {
			items = append(items, it)
		}
	}
	return items
}
