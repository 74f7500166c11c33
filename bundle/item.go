package bundle

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// item is one entry of the bundle index with the manifest that it points to, which belongs to one of the format's own kinds or to
// an image.
type item struct {
	desc     ocispec.Descriptor
	manifest ocispec.Manifest
	image    *ImageManifest // nil except for an image
}

// kind describes a kind of items: the types of its config and its layers, the size limit of a layer, and the smallest number of
// layers.
type kind struct {
	config string
	layers map[string]int64
	min    int
}

// kindOf returns the kind of an artifact type. Only known kinds of items are accepted, so that everything that enters a store was
// validated.
func kindOf(artifactType string) (kind, bool) {
	switch artifactType {
	case TypeSnap:
		return kind{MediaSnapConfig, describedLayers(), 1}, true
	case TypeRevision:
		return kind{MediaRevisionConfig, map[string]int64{
			mediaAssertions: MaxAssertionSize, MediaSnapBlob: MaxBlobSize, MediaComponentBlob: MaxBlobSize, MediaIntegrityBlob: MaxBlobSize,
		}, 1}, true
	case TypeCharm:
		return kind{MediaCharmConfig, describedLayers(), 0}, true
	case TypeCharmRevision:
		return kind{MediaCharmRevisionConfig, map[string]int64{MediaCharmBlob: MaxBlobSize}, 1}, true
	case TypeWithdrawal:
		return kind{MediaWithdrawalConfig, map[string]int64{mediaAssertions: MaxAssertionSize}, 0}, true
	case TypeStore:
		return kind{MediaStoreConfig, map[string]int64{mediaAssertions: MaxAssertionSize}, 0}, true
	case TypeCharmResource:
		return kind{MediaCharmResourceConfig, map[string]int64{MediaCharmResourceBlob: MaxBlobSize}, 0}, true
	case TypeRepository:
		return kind{MediaRepositoryConfig, map[string]int64{}, 0}, true
	case TypeAssertion:
		return kind{MediaAssertionConfig, map[string]int64{mediaAssertions: MaxAssertionSize}, 1}, true
	}
	return kind{}, false
}

// describedLayers returns the layers of the items of snaps and charms by name: assertions and an icon.
func describedLayers() map[string]int64 {
	layers := map[string]int64{mediaAssertions: MaxAssertionSize}
	for mediaType := range iconTypes {
		layers[mediaType] = MaxIconSize
	}
	return layers
}

// isItemType reports whether desc may describe an item. An image has no artifactType.
func isItemType(desc ocispec.Descriptor) bool {
	if desc.ArtifactType == "" {
		return isImageType(desc.MediaType)
	}
	return desc.MediaType == ocispec.MediaTypeImageManifest
}

// parseItem reads the manifest that desc points to.
func parseItem(desc ocispec.Descriptor, raw []byte) (item, error) {
	it := item{desc: desc}
	if desc.ArtifactType == "" {
		var err error
		it.image, err = ParseImageManifest(desc.MediaType, raw)
		return it, err
	}
	if err := decodeValue(raw, &it.manifest); err != nil {
		return it, corrupt("%w", err)
	}
	return it, validateItem(desc, &it.manifest)
}

// validateDescriptor refuses a descriptor that no valid bundle has.
func validateDescriptor(d ocispec.Descriptor, max int64) error {
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

// validateItems refuses a list of items that no valid bundle has. Each item occurs once, in the order in which Seal sorts them.
func validateItems(items []ocispec.Descriptor) error {
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
		case strings.ContainsFunc(name, isEscaped):
			return corrupt("item %.80q: its name has a character that JSON may write in several ways", name)
		case !isItemType(desc) || len(desc.Annotations) != 1:
			return corrupt("item %.80q: not described as an item", name)
		}
		if err := validateDescriptor(desc, maxManifestSize(desc)); err != nil {
			return fmt.Errorf("item %.80q: %w", name, err)
		}
		if total += desc.Size; total > MaxHeadSize {
			return limit("bytes of the bundle's head", total, MaxHeadSize)
		}
	}
	return nil
}

// isEscaped reports whether an encoder of JSON may write r in another way than as itself.
func isEscaped(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }

// validateItem refuses an item whose manifest the format does not allow.
func validateItem(desc ocispec.Descriptor, m *ocispec.Manifest) error {
	kind, ok := kindOf(desc.ArtifactType)
	switch {
	case !ok:
		return corrupt("unknown kind of item %.80q", desc.ArtifactType)
	case m.SchemaVersion != 2 || m.MediaType != ocispec.MediaTypeImageManifest || m.ArtifactType != desc.ArtifactType:
		return corrupt("not a manifest of type %s", desc.ArtifactType)
	case m.Subject != nil || len(m.Annotations) > 0 || m.Config.MediaType != kind.config:
		return corrupt("manifest has a subject, annotations or another kind of config")
	}
	if n := len(m.Layers); n < kind.min || n > MaxLayers {
		return limit("layers of an item", int64(n), MaxLayers)
	}
	if err := validateDescriptor(m.Config, MaxConfigSize); err != nil {
		return err
	}
	for _, l := range m.Layers {
		max, ok := kind.layers[l.MediaType]
		if !ok {
			return corrupt("layer of type %.80q", l.MediaType)
		}
		if err := validateDescriptor(l, max); err != nil {
			return err
		}
		if l.MediaType == mediaAssertions && l.Size == 0 {
			return corrupt("layer %s: an assertion stream without assertions", l.Digest)
		}
		if !validTitle(l.Annotations[ocispec.AnnotationTitle]) {
			return corrupt("layer %s: title %.80q is no file name", l.Digest, l.Annotations[ocispec.AnnotationTitle])
		}
	}
	return nil
}

// validTitle reports whether s can be the name of a file in any folder. Standard tools unpack layers under their titles.
func validTitle(s string) bool {
	if s == "" || len(s) > MaxRefLength || s[0] == '.' || s[0] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == ""
}
