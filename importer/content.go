package importer

import (
	"offlinestore/catalog"
	"offlinestore/charm"
)

// Content says in a few words what is in a bundle. Names are in the bundle's order.
type Content struct {
	Snaps, Charms, Bundles []string
	// Images counts the images that charms need and that are there, whatever number of platforms each has.
	Images int
}

// Content says what is in the bundle.
func (o *Opened) Content() Content { return contentOf(recordOf(o.Head)) }

func contentOf(in *catalog.Import) Content {
	var c Content
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
	here := make(map[string]bool, len(in.Images))
	for _, im := range in.Images {
		here[im.Digest.String()] = true
	}
	for _, r := range in.CharmResources {
		if r.Image != nil && here[r.Image.Digest] {
			here[r.Image.Digest] = false // counted
			c.Images++
		}
	}
	return c
}
