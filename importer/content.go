package importer

import (
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/snap"
)

// Content summarizes the content of a bundle. Names are in the bundle's order.
type Content struct {
	Snaps, Charms, Bundles []string
	// Withdrawn are the names of snaps and charms that are withdrawn upstream.
	Withdrawn []string
	// Images counts the images that charms need and that the bundle has. An image for several platforms counts once.
	Images int
	// Repositories are the names of images that belong to no charm, with their tags or digests.
	Repositories []string
	// Assertions names the assertions that no snap or charm leads to.
	Assertions []string
	// Stores are the stores of brands.
	Stores []snap.Store
}

// Content returns a summary of the bundle.
func (o *Opened) Content() Content { return contentOf(recordOf(o.Head)) }

func contentOf(in *catalog.Import) Content {
	var c Content
	for _, ref := range in.AssertionItems {
		c.Assertions = append(c.Assertions, ref.Name())
	}
	for _, s := range in.Snaps {
		c.Snaps = append(c.Snaps, s.Name)
	}
	for _, ch := range in.Charms {
		if ch.Type == charm.TypeBundle {
			c.Bundles = append(c.Bundles, ch.Name)
		} else {
			c.Charms = append(c.Charms, ch.Name)
		}
	}
	c.Stores = in.Stores
	for i := range in.Repositories {
		c.Repositories = append(c.Repositories, in.Repositories[i].Names()...)
	}
	for _, w := range in.Withdrawals {
		c.Withdrawn = append(c.Withdrawn, w.Name)
	}
	here := make(map[string]bool, len(in.Images))
	for _, im := range in.Images {
		here[im.Digest.String()] = true
	}
	count := func(i *charm.Image) {
		if i != nil && here[i.Digest] {
			here[i.Digest] = false // count each image once
			c.Images++
		}
	}
	for _, r := range in.CharmResources {
		count(r.Image)
	}
	for _, r := range in.CharmRevisions {
		for i := range r.Images {
			count(&r.Images[i])
		}
	}
	return c
}
