package bundle

import (
	"cmp"
	"context"
	"crypto"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is one blob of an item: with Data in the head, without Data in the payload.
type Layer struct {
	Descriptor ocispec.Descriptor
	Data       []byte
}

// Builder collects the items of a bundle. The zero value is empty and ready. Items may come in any order.
type Builder struct {
	items  []item
	small  map[digest.Digest][]byte
	images map[digest.Digest]bool // the image manifests among items
	// reliance knows the blobs to leave out; nil leaves nothing out.
	reliance Reliance
}

// addItem adds an item.
func (d *Builder) addItem(artifactType, name, configType string, config []byte, layers []Layer) error {
	m := newManifest(artifactType, d.keep(describe(configType, config), config), layers)
	for _, l := range layers {
		if isSmall(l.Descriptor.MediaType) {
			d.keep(l.Descriptor, l.Data)
		}
	}
	raw := encode(m)
	desc := d.keep(describe(ocispec.MediaTypeImageManifest, raw), raw)
	desc.ArtifactType = artifactType
	desc.Annotations = map[string]string{ocispec.AnnotationRefName: name}
	if err := validateItem(desc, &m); err != nil {
		return fmt.Errorf("item %s: %w", name, err)
	}
	d.items = append(d.items, item{desc: desc, manifest: m})
	return nil
}

func newManifest(artifactType string, config ocispec.Descriptor, layers []Layer) ocispec.Manifest {
	m := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType,
		Config:       config,
		Layers:       []ocispec.Descriptor{}, // not null
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Descriptor)
	}
	return m
}

func (d *Builder) keep(desc ocispec.Descriptor, data []byte) ocispec.Descriptor {
	if d.small == nil {
		d.small = make(map[digest.Digest][]byte)
	}
	d.small[desc.Digest] = data
	return desc
}

// SignedBundle is a signed bundle that is ready to be written.
type SignedBundle struct {
	top  top
	tree tree
	data map[digest.Digest][]byte
	left int // the blobs that are left out
	// items and format are the ones of the bundle index.
	items  []ocispec.Descriptor
	format string
	// ranges are the ranges of a part.
	ranges map[digest.Digest]BlobRange
}

// Seal orders the items, makes the bundle index and signs it. The same items give the same index, regardless of the order in
// which they were added, and of the blobs that are left out.
func (d *Builder) Seal(ctx context.Context, p Predicate, key crypto.Signer) (*SignedBundle, error) {
	c, err := d.Content()
	if err != nil {
		return nil, err
	}
	return c.Seal(ctx, p, key, d.reliance)
}

// LeftOut returns the number of large blobs that the bundle leaves out.
func (s *SignedBundle) LeftOut() int { return s.left }

// Payload lists the large blobs that the bundle does not leave out; of a part, its blobs and ranges.
func (s *SignedBundle) Payload() []ocispec.Descriptor { return s.tree.payload }

// PayloadSize returns the size of the payload in bytes.
func (s *SignedBundle) PayloadSize() (n int64) {
	for _, desc := range s.tree.payload {
		n += desc.Size
	}
	return n
}

// Digest returns the digest of the bundle index. It identifies the content of the bundle.
func (s *SignedBundle) Digest() digest.Digest { return s.top.bundle.Digest }

// small lists all blobs of the head with their content, in the order in which they are written.
func (s *SignedBundle) small() []Layer {
	out := slices.Clone(s.top.blobs())
	for _, desc := range s.tree.small {
		out = append(out, Layer{desc, s.data[desc.Digest]})
	}
	return out
}

// compareItems compares items in the order of the bundle index.
func compareItems(a, b ocispec.Descriptor) int {
	return cmp.Or(cmp.Compare(a.ArtifactType, b.ArtifactType), compareNames(refName(a), refName(b)))
}

// compareNames orders jq_9 before jq_10.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(trimDigits(a), trimDigits(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func trimDigits(s string) string {
	for len(s) > 0 && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' {
		s = s[:len(s)-1]
	}
	return s
}

func refName(d ocispec.Descriptor) string { return d.Annotations[ocispec.AnnotationRefName] }
