package importer

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/charm"
)

// recordCharms adds a bundle's charms, and all images, to the import.
func recordCharms(in *catalog.Import, h *bundle.Head) {
	for _, c := range h.Charms {
		in.Charms = append(in.Charms, catalog.ImportedCharm{Listing: c.Listing, Icon: icon(c.Icon)})
	}
	for _, r := range h.CharmRevisions {
		in.Blobs = append(in.Blobs, catalog.Blob{Digest: r.Blob.Digest, Size: r.Blob.Size})
		rev := catalog.ImportedCharmRevision{Item: r.Item, Blob: r.Blob.Digest}
		rev.Images = slices.Clone(rev.Images)
		for i := range rev.Images {
			recordImageTags(in, &rev.Images[i])
		}
		in.CharmRevisions = append(in.CharmRevisions, rev)
	}
	for _, r := range h.CharmResources {
		res := catalog.ImportedCharmResource{ResourceItem: r.ResourceItem}
		if r.Blob != nil {
			in.Blobs = append(in.Blobs, catalog.Blob{Digest: r.Blob.Digest, Size: r.Blob.Size})
			res.Blob = r.Blob.Digest
		}
		if res.Image != nil {
			image := *res.Image
			recordImageTags(in, &image)
			res.Image = &image
		}
		in.CharmResources = append(in.CharmResources, res)
	}
	for _, r := range h.Repositories {
		repository := r.Repository
		repository.FurtherTags = nil
		in.Repositories = append(in.Repositories, repository)
		for _, image := range r.Referred() {
			recordImageTags(in, &image)
		}
	}
	for _, m := range h.Images {
		im := catalog.Image{Digest: m.Digest, MediaType: m.MediaType, Size: int64(len(m.Raw)), Children: m.Children, Subject: m.Subject}
		for _, b := range m.Blobs {
			in.Blobs = append(in.Blobs, catalog.Blob{Digest: b.Digest, Size: b.Size})
			im.Blobs = append(im.Blobs, catalog.ImageBlob{Digest: b.Digest, Size: b.Size})
		}
		in.Images = append(in.Images, im)
	}
}

// recordImageTags moves the further tags of an image to the import. A later bundle without them does not remove them.
func recordImageTags(in *catalog.Import, image *charm.Image) {
	for _, tag := range slices.Sorted(maps.Keys(image.Tags)) {
		in.ImageTags = append(in.ImageTags, catalog.ImageTag{Repository: image.Repository(), Tag: tag, Digest: digest.Digest(image.Tags[tag])})
	}
	image.Tags = nil
}

// keptBlobs returns the blobs of the head that the store keeps, each once: icons, manifests of images, and other parts of an image that
// are small enough for the head.
func keptBlobs(h *bundle.Head) []catalog.Blob {
	var out []catalog.Blob
	seen := make(map[digest.Digest]bool)
	keep := func(d digest.Digest) {
		if b, ok := h.Small(d); ok && !seen[d] {
			seen[d] = true
			out = append(out, catalog.Blob{Digest: d, Size: int64(len(b))})
		}
	}
	for _, s := range h.Snaps {
		if s.Icon != nil {
			keep(digest.FromBytes(s.Icon.Data))
		}
	}
	for _, c := range h.Charms {
		if c.Icon != nil {
			keep(digest.FromBytes(c.Icon.Data))
		}
	}
	for _, m := range h.Images {
		keep(m.Digest)
		for _, b := range m.Blobs {
			keep(b.Digest)
		}
	}
	return out
}
