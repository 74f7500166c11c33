package wanted

import (
	"slices"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/receipt"
)

// images returns the digests of the images of a side that belong to no charm, by their names inside.
func (s *Side) images() map[string]string {
	out := make(map[string]string)
	if s.Receipt != nil {
		for _, i := range s.Receipt.Images {
			out[i.Name] = i.Digest.String()
		}
	}
	if s.Head == nil {
		return out
	}
	for _, r := range s.Head.Repositories {
		for _, i := range r.Images {
			for tag := range i.Tags {
				out[r.Name+":"+tag] = i.Digest
			}
			if len(i.Tags) == 0 {
				out[r.Name+"@"+i.Digest] = i.Digest
			}
		}
	}
	return out
}

// compareImages returns the names that only one of two contents has, and the ones of two images.
func compareImages(a, b *content) (out []bundle.Difference) {
	add := func(name string) {
		out = append(out, bundle.Difference{Kind: difference.Repository, Name: name, Field: "digest", Old: a.images[name], New: b.images[name]})
	}
	for name, d := range a.images {
		if b.images[name] != d {
			add(name)
		}
	}
	for name := range b.images {
		if a.images[name] == "" {
			add(name)
		}
	}
	return out
}

// missingImages returns the images of a bundle of which the store of a receipt lacks some blobs, although it names them.
func missingImages(head *bundle.Head, r *receipt.Receipt, turned bool) (out []bundle.Difference) {
	named := make(map[string]bool)
	for _, i := range r.Images {
		named[i.Digest.String()] = true
	}
	for _, repository := range head.Repositories {
		for _, i := range repository.Images {
			tree := head.ImageTree(&charm.Image{Digest: i.Digest})
			if !named[i.Digest] || !slices.ContainsFunc(tree, func(m *bundle.ImageManifest) bool { return lacks(r, m) }) {
				continue
			}
			d := bundle.Difference{Kind: difference.Repository, Name: repository.Name + "@" + i.Digest, Field: "blobs", Old: "all", New: "some"}
			if turned {
				d.Old, d.New = d.New, d.Old
			}
			out = append(out, d)
		}
	}
	return out
}
