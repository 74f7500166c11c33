package bundle

import (
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// The media types of images in Docker's own format.
const (
	MediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// ImageManifest is a manifest or an index of a container image, byte for byte as the registry had it. Each manifest in the bundle
// is an item. Children of an index that are not in the bundle were left out on purpose.
type ImageManifest struct {
	MediaType string
	Digest    digest.Digest
	Raw       []byte
	// Listed are all manifests that an index lists. Children are the listed manifests that the bundle has. Only Head sets
	// Children.
	Listed   []ocispec.Descriptor
	Children []digest.Digest
	// Blobs are the config, which comes first, and the layers of a manifest.
	Blobs []ocispec.Descriptor
	// Subject is the manifest that this one refers to, as a signature does, or empty.
	Subject digest.Digest
}

// imageManifest has the fields of a manifest or an index that this package needs. It ignores the others.
type imageManifest struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
	Subject       *ocispec.Descriptor  `json:"subject"`
}

// ParseImageManifest parses a manifest or an index from a registry. It refuses content that can't be served without the internet,
// and content that two readers could understand in two ways.
func ParseImageManifest(mediaType string, raw []byte) (*ImageManifest, error) {
	if n := int64(len(raw)); n > MaxImageSize {
		return nil, limit("bytes of an image's manifest", n, MaxImageSize)
	}
	if n := countValues(raw); n > MaxImageValues {
		return nil, limit("values in an image's manifest", n, MaxImageValues)
	}
	// Registries accept null, unknown fields and other spellings. Only the names that determine the content are strict: see
	// validateImageKeys.
	var m imageManifest
	if err := decodeValue(raw, &m); err != nil {
		return nil, corrupt("image manifest: %w", err)
	}
	if err := validateImageKeys(raw); err != nil {
		return nil, err
	}
	index := mediaType == ocispec.MediaTypeImageIndex || mediaType == MediaDockerList
	switch {
	case !isImageType(mediaType):
		return nil, corrupt("image manifest of type %.80q", mediaType)
	case m.SchemaVersion != 2:
		return nil, corrupt("image manifest of schema version %d, want 2", m.SchemaVersion)
	case m.MediaType != "" && m.MediaType != mediaType:
		return nil, corrupt("image manifest of type %s calls itself %.80q", mediaType, m.MediaType)
	case index && (m.Config != nil || m.Layers != nil), !index && (m.Config == nil || m.Manifests != nil):
		return nil, corrupt("image manifest: not clear whether it is a manifest or an index")
	case index && len(m.Manifests) == 0:
		return nil, corrupt("image index: it lists no manifests")
	}
	out := &ImageManifest{MediaType: mediaType, Digest: digest.FromBytes(raw), Raw: raw, Listed: m.Manifests}
	if !index {
		out.Blobs = append([]ocispec.Descriptor{*m.Config}, m.Layers...)
	}
	if m.Subject != nil && blob.CheckDigest(m.Subject.Digest) == nil {
		out.Subject = m.Subject.Digest
	}
	if n := max(len(m.Layers), len(m.Manifests)); n > MaxLayers {
		return nil, limit("layers of an image, or manifests in its index", int64(n), MaxLayers)
	}
	for _, list := range [][]ocispec.Descriptor{out.Listed, out.Blobs} {
		for _, d := range list {
			if err := validateImageBlob(d); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// isImageType reports whether mediaType belongs to an image's manifest or index.
func isImageType(mediaType string) bool {
	switch mediaType {
	case ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, MediaDockerManifest, MediaDockerList:
		return true
	}
	return false
}

// validateImageBlob refuses a descriptor of an image that a registry inside the gap could not serve.
func validateImageBlob(d ocispec.Descriptor) error {
	switch {
	case blob.CheckDigest(d.Digest) != nil:
		return corrupt("image manifest: digest %.80q: want sha256", string(d.Digest))
	case len(d.URLs) > 0 || strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable."):
		return corrupt("image manifest: layer %s is to be had from the internet only", d.Digest)
	case d.Size < 0:
		return corrupt("image manifest: blob %s: size %d", d.Digest, d.Size)
	case d.Size > MaxBlobSize:
		return limit("size of "+d.Digest.String(), d.Size, MaxBlobSize)
	}
	return nil
}

// isNew reports whether the formats before 1.2 can't hold m.
func (m *ImageManifest) isNew() bool {
	return len(m.Raw) > oldImageSize || countValues(m.Raw) > oldImageValues
}

// maxManifestSize returns the limit of the manifest of an item.
func maxManifestSize(desc ocispec.Descriptor) int64 {
	if desc.ArtifactType == "" {
		return MaxImageSize
	}
	return MaxManifestSize
}

func (m *ImageManifest) itemName() string { return "image-" + m.Digest.Encoded() }

// AddImageManifest adds a manifest or an index. It uses only MediaType and Raw of m. Several resources may have the same image,
// so an image that was added already is skipped.
func (d *Builder) AddImageManifest(m *ImageManifest) error {
	desc := describe(m.MediaType, m.Raw)
	if d.images[desc.Digest] {
		return nil
	}
	desc.Annotations = map[string]string{ocispec.AnnotationRefName: (&ImageManifest{Digest: desc.Digest}).itemName()}
	it, err := parseItem(desc, m.Raw)
	if err != nil {
		return err
	}
	d.keep(desc, m.Raw)
	if d.images == nil {
		d.images = make(map[digest.Digest]bool)
	}
	d.images[desc.Digest] = true
	d.items = append(d.items, it)
	return nil
}
