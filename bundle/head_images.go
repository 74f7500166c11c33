package bundle

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
)

// checkImages finds out which manifests of the indexes are there, and refuses a manifest that neither belongs to the image of a resource,
// of a charm bundle or of a repository, nor refers to one.
func (h *Head) checkImages() error {
	images := make(imageSet, len(h.Images))
	for _, m := range h.Images {
		images[m.Digest] = m
	}
	if err := images.setChildren(); err != nil {
		return err
	}
	seen := make(map[digest.Digest]bool, len(images))
	named := slices.Concat(h.charmImages(), h.repositoryImages())
	for _, i := range named {
		images.visit(digest.Digest(i.Digest), seen)
	}
	own := len(seen)
	for _, i := range named {
		if err := images.visitTags(i, seen); err != nil {
			return err
		}
	}
	images.visitReferrers(seen)
	for _, m := range h.Images {
		if !seen[m.Digest] {
			return corrupt("%s: no resource has this image, nor has a charm bundle or a repository, and it refers to none", m.itemName())
		}
	}
	h.hasReferrers = own < len(seen) || slices.ContainsFunc(named, func(i *charm.Image) bool { return len(i.Tags) > 0 })
	return nil
}

// charmImages returns the images of the resources and of the charm bundles.
func (h *Head) charmImages() (all []*charm.Image) {
	for _, r := range h.CharmResources {
		if r.Image != nil {
			all = append(all, r.Image)
		}
	}
	for _, r := range h.CharmRevisions {
		for i := range r.Images {
			all = append(all, &r.Images[i])
		}
	}
	return all
}

// imageSet holds the manifests and indexes of a bundle.
type imageSet map[digest.Digest]*ImageManifest

// setChildren sets the children of the indexes. It refuses a child that its index describes otherwise, and an index without any.
func (s imageSet) setChildren() error {
	for _, m := range s {
		m.Children = nil
		for _, d := range m.Listed {
			child := s[d.Digest]
			switch {
			case child == nil: // left out on purpose
			case child.MediaType != d.MediaType || int64(len(child.Raw)) != d.Size:
				return twoWays(d)
			default:
				m.Children = append(m.Children, d.Digest)
			}
		}
		if len(m.Listed) > 0 && len(m.Children) == 0 {
			return corrupt("%s: none of the manifests that it lists is in the bundle", m.itemName())
		}
	}
	return nil
}

// visit adds a manifest and the manifests below it to seen, and returns the added ones.
func (s imageSet) visit(d digest.Digest, seen map[digest.Digest]bool) (added []digest.Digest) {
	for todo := []digest.Digest{d}; len(todo) > 0; {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if m := s[d]; m != nil && !seen[d] {
			seen[d] = true
			added = append(added, d)
			todo = append(todo, m.Children...)
		}
	}
	return added
}

// visitTags adds the manifests that an image names by further tags to seen. It refuses a tag without its manifest, or without the manifest
// that the tag follows from.
func (s imageSet) visitTags(image *charm.Image, seen map[digest.Digest]bool) error {
	for tag, d := range image.Tags {
		if s[digest.Digest(d)] == nil || s[charm.TaggedDigest(tag)] == nil {
			return corrupt("image %.100s: the bundle lacks a manifest for the tag %s", image.Name, tag)
		}
		s.visit(digest.Digest(d), seen)
	}
	return nil
}

// visitReferrers adds the manifests that refer to manifests in seen, and their own referrers in turn.
func (s imageSet) visitReferrers(seen map[digest.Digest]bool) {
	referrers := make(map[digest.Digest][]digest.Digest)
	for _, m := range s {
		referrers[m.Subject] = append(referrers[m.Subject], m.Digest)
	}
	for todo := slices.Collect(maps.Keys(seen)); len(todo) > 0; {
		subject := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, d := range referrers[subject] {
			todo = append(todo, s.visit(d, seen)...)
		}
	}
}

// ImageTree returns the manifests of an image that the bundle has, the index among them, and the ones that refer to any of these.
func (h *Head) ImageTree(image *charm.Image) (out []*ImageManifest) {
	seen := make(map[digest.Digest]bool)
	add := func(root string) {
		for _, m := range h.ImageManifests(root) {
			if !seen[m.Digest] {
				seen[m.Digest], out = true, append(out, m)
			}
		}
	}
	add(image.Digest)
	for _, d := range image.Tags {
		add(d)
	}
	for i := 0; i < len(out); i++ {
		for _, m := range h.Images {
			if m.Subject == out[i].Digest {
				add(m.Digest.String())
			}
		}
	}
	return out
}
