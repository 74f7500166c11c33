package bundle

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// bundleIndex is D: the index that the signature is about.
func bundleIndex(items []ocispec.Descriptor) ocispec.Index {
	return ocispec.Index{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageIndex,
		ArtifactType: TypeBundle,
		Manifests:    items,
		Annotations:  map[string]string{AnnotationFormat: formatVersion()},
	}
}

// top is what stands above the items: the bundle index, its signature, and index.json, which follows from those two and
// which the reader therefore derives again instead of believing it.
type top struct {
	index                         []byte // index.json
	bundle, manifest              ocispec.Descriptor
	bundleRaw, manifestRaw, empty []byte
	envelope                      []byte
}

func newTop(bundleRaw, envelope []byte, public PublicKey, items []ocispec.Descriptor) top {
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
	t.index = encode(topIndex(t.bundle, t.manifest, items))
	return t
}

// topIndex is index.json: the bundle index, the signature and, since standard tools look no deeper, each item.
func topIndex(bundle, signature ocispec.Descriptor, items []ocispec.Descriptor) ocispec.Index {
	bundle.ArtifactType = TypeBundle
	bundle.Annotations = map[string]string{ocispec.AnnotationRefName: "bundle"}
	signature.ArtifactType = TypeSignature
	signature.Annotations = map[string]string{ocispec.AnnotationRefName: "signature"}
	return ocispec.Index{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageIndex,
		Manifests:   append([]ocispec.Descriptor{bundle, signature}, items...),
		Annotations: map[string]string{AnnotationFormat: formatVersion()},
	}
}

// blobs lists the blobs above the items in the order in which they are written.
func (t *top) blobs() []Layer {
	return []Layer{
		{t.bundle, t.bundleRaw},
		{t.manifest, t.manifestRaw},
		{describe(ocispec.MediaTypeEmptyJSON, t.empty), t.empty},
		{describe(MediaEnvelope, t.envelope), t.envelope},
	}
}

// tree lists the blobs below the bundle index, each once, in the order in which they are written: manifests, configs,
// small layers; then the payload.
type tree struct {
	small, payload []ocispec.Descriptor
}

// newTree works out the order, and refuses a tree that breaks a limit or contradicts itself.
func newTree(items []ocispec.Descriptor, manifests []ocispec.Manifest) (*tree, error) {
	t := &tree{}
	seen := make(map[digest.Digest]ocispec.Descriptor)
	empty := digest.FromBytes(emptyConfig)
	var head int64
	place := func(desc ocispec.Descriptor, list *[]ocispec.Descriptor) error {
		if desc.Digest == empty {
			return corrupt("a blob of an item is %s, which stands above the items", emptyConfig)
		}
		if old, ok := seen[desc.Digest]; ok {
			// Of a blob with two SHA3-384, one would be believed unseen.
			if old.Size != desc.Size || isHead(old.MediaType) != isHead(desc.MediaType) || old.Annotations[AnnotationSHA3384] != desc.Annotations[AnnotationSHA3384] {
				return corrupt("blob %s is described in two ways", desc.Digest)
			}
			return nil
		}
		seen[desc.Digest] = desc
		*list = append(*list, desc)
		if isHead(desc.MediaType) {
			if head += desc.Size; head > MaxHeadSize {
				return limit("bytes of the bundle's head", head, MaxHeadSize)
			}
		}
		return nil
	}
	for _, desc := range items {
		if err := place(desc, &t.small); err != nil {
			return nil, err
		}
	}
	for _, m := range manifests {
		if err := place(m.Config, &t.small); err != nil {
			return nil, err
		}
	}
	for _, small := range []bool{true, false} {
		list := map[bool]*[]ocispec.Descriptor{true: &t.small, false: &t.payload}[small]
		for _, m := range manifests {
			for _, l := range m.Layers {
				if isSmall(l.MediaType) != small {
					continue
				}
				if err := place(l, list); err != nil {
					return nil, err
				}
			}
		}
	}
	return t, nil
}

// isSmall says whether a layer belongs to the head.
func isSmall(mediaType string) bool {
	return mediaType == mediaAssertions || strings.HasPrefix(mediaType, "image/")
}

// isHead says whether any blob belongs to the head.
func isHead(mediaType string) bool {
	return isSmall(mediaType) || strings.HasSuffix(mediaType, "+json")
}

// checkDescriptor refuses a descriptor that no valid bundle has.
func checkDescriptor(d ocispec.Descriptor, max int64) error {
	if blob.CheckDigest(d.Digest) != nil {
		return corrupt("digest %.80q: want sha256", string(d.Digest))
	}
	if len(d.URLs) > 0 || d.Data != nil || d.Platform != nil {
		return corrupt("descriptor of %s has urls, data or a platform", d.Digest)
	}
	if d.Size < 0 {
		return corrupt("blob %s: size %d", d.Digest, d.Size)
	}
	if d.Size > max {
		return limit("size of "+d.Digest.String(), d.Size, max)
	}
	return nil
}

// checkItems refuses a list of items that no valid bundle has: each is there once, in the order in which Seal sorts them.
func checkItems(items []ocispec.Descriptor) error {
	if n := len(items); n == 0 || n > MaxItems {
		return limit("items of the bundle", int64(n), MaxItems)
	}
	seen := make(map[digest.Digest]bool, len(items))
	var total int64
	for i, desc := range items {
		name := refName(desc)
		if i > 0 && compareItems(items[i-1], desc) == 0 || seen[desc.Digest] {
			return corrupt("item %.80q twice", name)
		}
		if i > 0 && compareItems(items[i-1], desc) > 0 {
			return corrupt("item %.80q out of order", name)
		}
		seen[desc.Digest] = true
		switch {
		case name == "" || len(name) > MaxRefLength:
			return limit("bytes of an item's name", int64(len(name)), MaxRefLength)
		case desc.MediaType != ocispec.MediaTypeImageManifest || len(desc.Annotations) != 1:
			return corrupt("item %.80q: not described as an item", name)
		}
		if err := checkDescriptor(desc, MaxManifestSize); err != nil {
			return fmt.Errorf("item %.80q: %w", name, err)
		}
		if total += desc.Size; total > MaxHeadSize {
			return limit("bytes of the bundle's head", total, MaxHeadSize)
		}
	}
	return nil
}

// checkItem refuses an item whose manifest the format does not allow. Only known kinds of items are taken, so that
// nothing enters a store that nobody checks.
func checkItem(desc ocispec.Descriptor, m *ocispec.Manifest) error {
	kind, ok := kinds[desc.ArtifactType]
	switch {
	case !ok:
		return corrupt("unknown kind of item %.80q", desc.ArtifactType)
	case m.SchemaVersion != 2 || m.MediaType != ocispec.MediaTypeImageManifest || m.ArtifactType != desc.ArtifactType:
		return corrupt("not a manifest of type %s", desc.ArtifactType)
	case m.Subject != nil || len(m.Annotations) > 0 || m.Config.MediaType != kind.config:
		return corrupt("manifest has a subject, annotations or another kind of config")
	}
	if n := len(m.Layers); n == 0 || n > MaxLayers {
		return limit("layers of an item", int64(n), MaxLayers)
	}
	if err := checkDescriptor(m.Config, MaxConfigSize); err != nil {
		return err
	}
	for _, l := range m.Layers {
		max, ok := kind.layers[l.MediaType]
		if !ok {
			return corrupt("layer of type %.80q", l.MediaType)
		}
		if err := checkDescriptor(l, max); err != nil {
			return err
		}
		if !validTitle(l.Annotations[ocispec.AnnotationTitle]) {
			return corrupt("layer %s: title %.80q is no file name", l.Digest, l.Annotations[ocispec.AnnotationTitle])
		}
	}
	return nil
}

// validTitle says whether s can be the name of a file in any folder: standard tools unpack layers under their titles.
func validTitle(s string) bool {
	if s == "" || len(s) > MaxRefLength || s[0] == '.' || s[0] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == ""
}
