package wanted

import (
	"maps"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/image"
)

// keptRepositories returns the repositories of a content without the tags that a newer content names, with everything of the newer one, and
// the manifests of the images that stay from the older one.
func keptRepositories(old, now *bundle.Head) (list []*bundle.Repository, manifests []*bundle.ImageManifest) {
	newer := make(map[string]*bundle.Repository)
	for _, r := range now.Repositories {
		newer[r.Name] = r
	}
	for _, r := range old.Repositories {
		var tags map[string]string
		if n := newer[r.Name]; n != nil {
			tags = n.Tags()
		}
		kept, of := keptImages(old, r, tags)
		manifests = append(manifests, of...)
		if n := newer[r.Name]; n != nil {
			delete(newer, r.Name)
			for _, i := range n.Images {
				_ = kept.Add(i) // it has lost the tags that the newer one names
			}
			kept.AddFurtherTags(n.FurtherTags)
		}
		if len(kept.Images) > 0 {
			list = append(list, &bundle.Repository{Repository: *kept})
		}
	}
	for _, r := range now.Repositories {
		if newer[r.Name] != nil {
			list = append(list, r)
		}
	}
	return list, manifests
}

// keptImages returns a repository without some tags, and without the images that then have none, with the manifests of the others.
func keptImages(all *bundle.Head, r *bundle.Repository, tags map[string]string) (kept *image.Repository, manifests []*bundle.ImageManifest) {
	kept = &image.Repository{Name: r.Name}
	here := make(map[digest.Digest]bool)
	add := func(list []*bundle.ImageManifest) {
		for _, m := range list {
			if !here[m.Digest] {
				here[m.Digest], manifests = true, append(manifests, m)
			}
		}
	}
	for _, i := range r.Images {
		had := len(i.Tags)
		i.Tags = maps.Clone(i.Tags)
		maps.DeleteFunc(i.Tags, func(tag, _ string) bool { return tags[tag] != "" })
		if had > 0 && len(i.Tags) == 0 {
			continue
		}
		kept.Images = append(kept.Images, i)
		add(all.ImageTree(&charm.Image{Digest: i.Digest}))
	}
	for n := -1; n != len(manifests); { // a signature may be signed in turn
		n = len(manifests)
		for tag, d := range r.FurtherTags {
			if here[charm.TaggedDigest(tag)] {
				kept.AddFurtherTags(map[string]string{tag: d})
				add(all.ImageTree(&charm.Image{Digest: d}))
			}
		}
	}
	return kept, manifests
}
