package bundle

import (
	"bytes"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Head is what a bundle says of its content: all but the payload.
type Head struct {
	Snaps     []*Snap
	Revisions []*SnapRevision
	// Payload lists the large blobs in the order in which Next delivers them.
	Payload []ocispec.Descriptor
}

// PayloadSize is the size of the payload in bytes.
func (h *Head) PayloadSize() int64 {
	var n int64
	for _, d := range h.Payload {
		n += d.Size
	}
	return n
}

// Head reads and checks the rest of the head. Call Verify first: what no trusted key has signed is better left unread.
func (r *Reader) Head() (*Head, error) {
	if r.head != nil {
		return r.head, nil
	}
	if !bytes.Equal(encode(bundleIndex(r.bundle.Manifests)), r.raw) {
		return nil, corrupt("bundle index: not in its canonical encoding, or not one of format %s", formatVersion())
	}
	if err := checkItems(r.bundle.Manifests); err != nil {
		return nil, err
	}
	data := make(map[digest.Digest][]byte)
	manifests, err := r.manifests(data)
	if err != nil {
		return nil, err
	}
	t, err := newTree(r.bundle.Manifests, manifests)
	if err != nil {
		return nil, err
	}
	for _, desc := range t.small[len(manifests):] {
		if data[desc.Digest], err = r.blob(desc, MaxConfigSize); err != nil {
			return nil, err
		}
	}
	h := &Head{Payload: t.payload}
	if err := h.parse(r.bundle.Manifests, manifests, data); err != nil {
		return nil, err
	}
	r.head = h
	return h, nil
}

// manifests reads the items' manifests, and puts them into data.
func (r *Reader) manifests(data map[digest.Digest][]byte) ([]ocispec.Manifest, error) {
	out := make([]ocispec.Manifest, len(r.bundle.Manifests))
	for i, desc := range r.bundle.Manifests {
		raw, err := r.blob(desc, MaxManifestSize)
		if err != nil {
			return nil, fmt.Errorf("item %.80q: %w", refName(desc), err)
		}
		if err := decodeStrict(raw, &out[i]); err != nil {
			return nil, corrupt("item %.80q: %w", refName(desc), err)
		}
		if err := checkItem(desc, &out[i]); err != nil {
			return nil, fmt.Errorf("item %.80q: %w", refName(desc), err)
		}
		data[desc.Digest] = raw
	}
	return out, nil
}

// parse reads the items back. data has the content of all manifests and small blobs.
func (h *Head) parse(descs []ocispec.Descriptor, manifests []ocispec.Manifest, data map[digest.Digest][]byte) error {
	for i, desc := range descs {
		var layers []Layer
		switch desc.ArtifactType {
		case TypeSnap:
			s, err := parseSnap(desc, &manifests[i], data)
			if err != nil {
				return err
			}
			h.Snaps, layers = append(h.Snaps, s), s.layers()
		case TypeRevision:
			rev, err := parseRevision(desc, &manifests[i], data)
			if err != nil {
				return err
			}
			h.Revisions, layers = append(h.Revisions, rev), rev.layers()
		}
		// What was understood of the item must be all that there is in it.
		if !bytes.Equal(encode(newManifest(desc.ArtifactType, manifests[i].Config, layers)), data[desc.Digest]) {
			return corrupt("%s: its manifest does not follow from its config and its blobs", refName(desc))
		}
	}
	return h.check()
}

// check refuses a head whose items contradict each other.
func (h *Head) check() error {
	ids := make(map[string]string, len(h.Snaps))
	for _, s := range h.Snaps {
		ids[s.Name] = s.SnapID
	}
	have := make(map[string]bool, len(h.Revisions))
	for _, r := range h.Revisions {
		if ids[r.Name] != r.SnapID {
			return corrupt("%s: the bundle has no snap of that name and snap-id", r.itemName())
		}
		have[r.itemName()] = true
	}
	for _, s := range h.Snaps {
		for _, row := range s.ChannelMap {
			if row.Revision > 0 && !have[fmt.Sprintf("%s_%d", s.Name, row.Revision)] {
				return corrupt("%s: revision %d is released to %s and not in the bundle", s.Name, row.Revision, row.Channel)
			}
		}
	}
	return nil
}
