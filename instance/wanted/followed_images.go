package wanted

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/image"
	"offlinestore/wanted"
)

// addRepository adds the tags of images that belong to no charm, and the images that never had a tag.
func (f *Followed) addRepository(r *catalog.Repository) {
	for _, t := range r.Tags {
		f.addImage(r, t.Digest, t.Source, image.Name{Path: r.Name, Tag: t.Tag})
	}
	for _, i := range r.Images {
		if !i.Tagged && len(r.TagsOf(i.Digest)) == 0 {
			f.addImage(r, i.Digest, i.Source, image.Name{Path: r.Name})
		}
	}
}

// addImage adds an image under its name upstream, with the name inside if that is another one.
func (f *Followed) addImage(r *catalog.Repository, d digest.Digest, source string, inside image.Name) {
	entry := wanted.Image{Name: source}
	if usual, err := (&entry).Inside(); err != nil || usual != inside {
		entry.As = inside.String()
	}
	if i := r.Image(d); i != nil {
		for _, p := range i.Platforms {
			if arch := image.DebianArchitecture(p); !slices.Contains(entry.Architectures, arch) {
				entry.Architectures = append(entry.Architectures, arch)
			}
		}
	}
	slices.Sort(entry.Architectures)
	f.Images = append(f.Images, entry)
}
