package bundle

import (
	"bytes"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Head is the description of the content of a bundle: everything but the payload.
type Head struct {
	Snaps     []*Snap
	Revisions []*SnapRevision

	Charms         []*Charm
	CharmRevisions []*CharmRevision
	CharmResources []*CharmResource
	// Images are the manifests and indexes of container images.
	Images []*ImageManifest

	// Assertions are the assertions that no snap or charm leads to.
	Assertions []*Assertion

	// Withdrawals are the snaps and charms that the store does not offer any more.
	Withdrawals []*Withdrawal

	// Stores are the stores of brands.
	Stores []*Store

	// Repositories are the repositories of images that belong to no charm.
	Repositories []*Repository

	// Payload lists the large blobs in the order in which Next delivers them. The title of the config and of the layers of an
	// image only names the image. The payload of a part has the blobs that this part has whole.
	Payload []ocispec.Descriptor
	// Expected lists the large blobs that the bundle leaves out, because its receiver has them.
	Expected []ocispec.Descriptor
	// Part is the place of the file in a divided bundle. It is nil for a whole bundle.
	Part *Part

	small map[digest.Digest][]byte
	// large is set if a config is larger than the formats before 1.2 allow.
	large bool
	// hasReferrers is set if a manifest is here only because it refers to an image, or has a further tag.
	hasReferrers bool
}

// files lists the files of the payload: its blobs, and the ranges of a part.
func (h *Head) files() []ocispec.Descriptor {
	if h.Part == nil {
		return h.Payload
	}
	return h.Part.FilesOf(h.Part.Number)
}

// Len returns the number of blobs and ranges that Next delivers.
func (h *Head) Len() int {
	if h.Part == nil {
		return len(h.Payload)
	}
	return len(h.Payload) + len(h.Part.Ranges)
}

// PayloadSize returns the size of the payload in bytes.
func (h *Head) PayloadSize() int64 {
	var n int64
	for _, d := range h.files() {
		n += d.Size
	}
	return n
}

// Small returns a blob that a store has to keep although it is not in the payload: an icon, an image's manifest, and other parts
// of an image that are in the head, such as {}.
func (h *Head) Small(d digest.Digest) ([]byte, bool) {
	b, ok := h.small[d]
	return b, ok
}

// Head reads and validates the rest of the head. Call Verify or VerifyUnsafe first: content that no trusted key has signed should not be
// parsed, and the statement tells which blobs are left out.
func (r *Reader) Head() (*Head, error) {
	if r.head != nil {
		return r.head, nil
	}
	c, err := r.readContent()
	if err != nil {
		return nil, err
	}
	if err := r.placeFiles(c); err != nil {
		return nil, err
	}
	if r.head, err = r.divide(c.head); err != nil {
		return nil, err
	}
	if t, ok := r.src.(*tarSource); ok {
		t.payload = t.end
	}
	if r.keeps {
		r.content = c
	}
	return r.head, nil
}

// parse parses the items. data has the content of all manifests and small blobs.
func (h *Head) parse(items []item, data map[digest.Digest][]byte) error {
	for i := range items {
		it := &items[i]
		if it.image != nil {
			if name := it.image.itemName(); name != refName(it.desc) {
				return corrupt("%.80q: it is %s", refName(it.desc), name)
			}
			h.Images = append(h.Images, it.image)
			continue
		}
		h.large = h.large || it.manifest.Config.Size > oldConfigSize
		layers, err := h.parseItem(it, data)
		if err != nil {
			return err
		}
		// The item must hold nothing besides the content that was understood.
		config := describe(it.manifest.Config.MediaType, data[it.manifest.Config.Digest])
		if !bytes.Equal(encode(newManifest(it.desc.ArtifactType, config, layers)), data[it.desc.Digest]) {
			return corrupt("%s: its manifest does not follow from its config and its blobs", refName(it.desc))
		}
	}
	h.keepSmall(data)
	return h.validate()
}

// parseItem parses an item and returns the layers that it should have.
func (h *Head) parseItem(it *item, data map[digest.Digest][]byte) ([]Layer, error) {
	switch it.desc.ArtifactType {
	case TypeSnap:
		return addParsed(&h.Snaps, parseSnap, it, data)
	case TypeRevision:
		return addParsed(&h.Revisions, parseRevision, it, data)
	case TypeCharm:
		return addParsed(&h.Charms, parseCharm, it, data)
	case TypeCharmRevision:
		return addParsed(&h.CharmRevisions, parseCharmRevision, it, data)
	case TypeAssertion:
		return addParsed(&h.Assertions, parseAssertion, it, data)
	case TypeWithdrawal:
		return addParsed(&h.Withdrawals, parseWithdrawal, it, data)
	case TypeStore:
		return addParsed(&h.Stores, parseStore, it, data)
	case TypeRepository:
		return addParsed(&h.Repositories, parseRepository, it, data)
	default: // parseItem accepts no other kind
		return addParsed(&h.CharmResources, parseCharmResource, it, data)
	}
}

// addParsed adds an item to a list, and returns the layers that it should have.
func addParsed[T interface{ layers() []Layer }](list *[]T, parse func(ocispec.Descriptor, *ocispec.Manifest, map[digest.Digest][]byte) (T, error),
	it *item, data map[digest.Digest][]byte) ([]Layer, error) {
	parsed, err := parse(it.desc, &it.manifest, data)
	if err != nil {
		return nil, err
	}
	*list = append(*list, parsed)
	return parsed.layers(), nil
}

// keepSmall keeps the blobs that Small returns.
func (h *Head) keepSmall(data map[digest.Digest][]byte) {
	h.small = make(map[digest.Digest][]byte)
	icon := func(i *Icon) {
		if i != nil {
			h.small[digest.FromBytes(i.Data)] = i.Data
		}
	}
	for _, s := range h.Snaps {
		icon(s.Icon)
	}
	for _, c := range h.Charms {
		icon(c.Icon)
	}
	for _, m := range h.Images {
		h.small[m.Digest] = m.Raw
		for _, b := range m.Blobs {
			if raw, ok := data[b.Digest]; ok {
				h.small[b.Digest] = raw
			} else if b.Digest == digest.FromBytes(emptyConfig) {
				h.small[b.Digest] = emptyConfig
			}
		}
	}
}
