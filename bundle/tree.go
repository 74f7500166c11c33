package bundle

import (
	"encoding/base64"
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// bundleIndex returns the index that the signature is about (D in design.md).
func bundleIndex(items []ocispec.Descriptor, format string) ocispec.Index {
	return ocispec.Index{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageIndex,
		ArtifactType: TypeBundle,
		Manifests:    items,
		Annotations:  map[string]string{AnnotationFormat: format},
	}
}

// top holds the files above the items: the bundle index, its signature, and index.json. index.json follows from the other two, so
// the reader derives it and does not trust the file.
type top struct {
	index                         []byte // index.json
	bundle, manifest              ocispec.Descriptor
	bundleRaw, manifestRaw, empty []byte
	envelope                      []byte
	division                      []byte // nil for a whole bundle
}

func newTop(bundleRaw, envelope []byte, public PublicKey, items []ocispec.Descriptor, format string) top {
	bundle := describe(ocispec.MediaTypeImageIndex, bundleRaw)
	m := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: TypeSignature,
		Config:       describe(ocispec.MediaTypeEmptyJSON, emptyConfig),
		Layers:       []ocispec.Descriptor{describe(MediaEnvelope, envelope)},
		Subject:      &bundle,
		Annotations:  map[string]string{AnnotationPublicKey: base64.StdEncoding.EncodeToString(public.der)},
	}
	t := top{bundle: bundle, bundleRaw: bundleRaw, envelope: envelope, empty: emptyConfig, manifestRaw: encode(m)}
	t.manifest = describe(ocispec.MediaTypeImageManifest, t.manifestRaw)
	t.index = encode(topIndex(t.bundle, t.manifest, items, format))
	return t
}

// addPart makes the top the one of a part.
func (t *top) addPart(label partLabel, division []byte, items []ocispec.Descriptor, format string) {
	index := topIndex(t.bundle, t.manifest, items, format)
	index.Annotations[AnnotationPart], index.Annotations[AnnotationDivision] = strconv.Itoa(label.number), label.digest.String()
	t.index, t.division = encode(index), division
}

// topIndex returns index.json: the bundle index, the signature and each item, since standard tools look no deeper.
func topIndex(bundle, signature ocispec.Descriptor, items []ocispec.Descriptor, format string) ocispec.Index {
	bundle.ArtifactType = TypeBundle
	bundle.Annotations = map[string]string{ocispec.AnnotationRefName: "bundle"}
	signature.ArtifactType = TypeSignature
	signature.Annotations = map[string]string{ocispec.AnnotationRefName: "signature"}
	return ocispec.Index{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageIndex,
		Manifests:   append([]ocispec.Descriptor{bundle, signature}, items...),
		Annotations: map[string]string{AnnotationFormat: format},
	}
}

// blobs lists the blobs above the items in the order in which they are written.
func (t *top) blobs() []Layer {
	list := []Layer{
		{t.bundle, t.bundleRaw},
		{t.manifest, t.manifestRaw},
		{describe(ocispec.MediaTypeEmptyJSON, t.empty), t.empty},
		{describe(MediaEnvelope, t.envelope), t.envelope},
	}
	if t.division != nil {
		list = append(list, Layer{describe("", t.division), t.division})
	}
	return list
}

// tree lists the blobs below the bundle index, each once, in the order in which they are written: manifests, configs, small
// layers, then the payload. The place of a blob follows from its role in an item, not from its media type, because images choose
// the media types of their blobs themselves.
type tree struct {
	small, payload []ocispec.Descriptor

	places map[digest.Digest]place
	head   int64 // bytes of small
}

// place is the position of a blob in a tree.
type place struct {
	payload bool
	index   int
}

// newTree orders the blobs, and refuses a tree that exceeds a limit or contradicts itself.
func newTree(items []item) (*tree, error) {
	t := &tree{places: make(map[digest.Digest]place)}
	for i := range items {
		if err := t.addSmall(items[i].desc); err != nil {
			return nil, err
		}
	}
	for i := range items {
		if items[i].image != nil {
			continue
		}
		if err := t.addSmall(items[i].manifest.Config); err != nil {
			return nil, err
		}
	}
	for i := range items {
		for _, l := range items[i].manifest.Layers {
			if !isSmall(l.MediaType) {
				continue
			}
			if err := t.addSmall(l); err != nil {
				return nil, err
			}
		}
	}
	for i := range items {
		if err := t.addItemPayload(&items[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addSmall puts a blob into the head.
func (t *tree) addSmall(desc ocispec.Descriptor) error {
	if err := validateNotEmpty(desc); err != nil {
		return err
	}
	if p, ok := t.places[desc.Digest]; ok {
		if old := t.small[p.index]; old.Size != desc.Size {
			return twoWays(desc)
		}
		return nil
	}
	t.places[desc.Digest] = place{index: len(t.small)}
	t.small = append(t.small, desc)
	if t.head += desc.Size; t.head > MaxHeadSize {
		return limit("bytes of the bundle's head", t.head, MaxHeadSize)
	}
	return nil
}

func (t *tree) addItemPayload(it *item) error {
	if it.image != nil {
		return t.addImageBlobs(it)
	}
	for _, l := range it.manifest.Layers {
		if isSmall(l.MediaType) {
			continue
		}
		if p, ok := t.places[l.Digest]; ok && !p.payload {
			return twoWays(l)
		}
		if err := validateNotEmpty(l); err != nil {
			return err
		}
		if err := t.addPayload(l); err != nil {
			return err
		}
	}
	return nil
}

// addImageBlobs adds the blobs of an image that are not in the head. An image may well use {}, or contain another manifest.
func (t *tree) addImageBlobs(it *item) error {
	for i, b := range it.image.Blobs {
		if b.Digest == digest.FromBytes(emptyConfig) {
			if b.Size != int64(len(emptyConfig)) {
				return twoWays(b)
			}
			continue
		}
		if p, ok := t.places[b.Digest]; ok && !p.payload {
			if t.small[p.index].Size != b.Size {
				return twoWays(b)
			}
			continue
		}
		what := "layer of "
		if i == 0 {
			what = "config of "
		}
		// The manifest gives the blob no reliable title.
		err := t.addPayload(ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size,
			Annotations: map[string]string{ocispec.AnnotationTitle: what + refName(it.desc)}})
		if err != nil {
			return err
		}
	}
	return nil
}

// addPayload adds a blob to the payload. If several descriptors name it, the most complete one is kept, so that its SHA3-384 is
// not lost. Two different SHA3-384 are refused, because one would be trusted without verification.
func (t *tree) addPayload(desc ocispec.Descriptor) error {
	p, ok := t.places[desc.Digest]
	if !ok {
		t.places[desc.Digest] = place{payload: true, index: len(t.payload)}
		t.payload = append(t.payload, desc)
		return nil
	}
	old := &t.payload[p.index]
	was, is := old.Annotations[AnnotationSHA3384], desc.Annotations[AnnotationSHA3384]
	if old.Size != desc.Size || was != "" && is != "" && was != is {
		return twoWays(desc)
	}
	if was == "" && is != "" {
		*old = desc
	}
	return nil
}

func validateNotEmpty(desc ocispec.Descriptor) error {
	if desc.Digest == digest.FromBytes(emptyConfig) {
		return corrupt("a blob of an item is %s, which stands above the items", emptyConfig)
	}
	return nil
}

func twoWays(desc ocispec.Descriptor) error {
	return corrupt("blob %s is described in two ways", desc.Digest)
}

// isSmall reports whether a layer of one of the format's own kinds of items belongs to the head.
func isSmall(mediaType string) bool {
	return mediaType == mediaAssertions || iconTypes[mediaType] != ""
}
