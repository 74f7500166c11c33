package bundle

import (
	"encoding/json"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/strictjson"
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

// imageManifest has the fields of a manifest or an index that this package needs. It ignores the others. A list or an object that is null is
// not there.
type imageManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     *string           `json:"mediaType,omitempty"`
	Config        *imageDescriptor  `json:"config"`
	Layers        []imageDescriptor `json:"layers"`
	Manifests     []imageDescriptor `json:"manifests"`
	Subject       *imageDescriptor  `json:"subject"`
}

// imageDescriptor is a descriptor in an image's manifest.
type imageDescriptor struct {
	MediaType string          `json:"mediaType"`
	Digest    digest.Digest   `json:"digest"`
	Size      int64           `json:"size"`
	URLs      json.RawMessage `json:"urls"`
	Platform  json.RawMessage `json:"platform"`
}

// imageFields are the required fields of an image's manifest.
var imageFields = strictjson.Required{
	"schemaVersion", "config.mediaType", "config.digest", "config.size", "layers[].mediaType", "layers[].digest", "layers[].size",
	"manifests[].mediaType", "manifests[].digest", "manifests[].size", "subject.mediaType", "subject.digest", "subject.size",
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
	var m imageManifest
	if err := strictjson.Decode(raw, &m, imageFields); err != nil {
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
	case m.MediaType != nil && *m.MediaType != mediaType:
		return nil, corrupt("image manifest of type %s calls itself %.80q", mediaType, *m.MediaType)
	case index && (m.Config != nil || m.Layers != nil), !index && (m.Config == nil || m.Manifests != nil):
		return nil, corrupt("image manifest: not clear whether it is a manifest or an index")
	case index && len(m.Manifests) == 0:
		return nil, corrupt("image index: it lists no manifests")
	}
	if n := max(len(m.Layers), len(m.Manifests)); n > MaxLayers {
		return nil, limit("layers of an image, or manifests in its index", int64(n), MaxLayers)
	}
	out := &ImageManifest{MediaType: mediaType, Digest: digest.FromBytes(raw), Raw: raw}
	return out, out.addDescriptors(&m)
}

// addDescriptors adds the descriptors of m.
func (m *ImageManifest) addDescriptors(from *imageManifest) (err error) {
	if m.Listed, err = validateImageBlobs(from.Manifests); err != nil {
		return err
	}
	if from.Config != nil {
		if m.Blobs, err = validateImageBlobs(append([]imageDescriptor{*from.Config}, from.Layers...)); err != nil {
			return err
		}
	}
	if s := from.Subject; s != nil {
		if s.URLs != nil {
			return corrupt("image manifest: the subject %.80q has urls", string(s.Digest))
		}
		if s.Size < 0 || s.Size > MaxBlobSize {
			return corrupt("image manifest: the subject %.80q has %d bytes", string(s.Digest), s.Size)
		}
		if blob.CheckDigest(s.Digest) == nil {
			m.Subject = s.Digest
		}
	}
	return nil
}

// isImageType reports whether mediaType belongs to an image's manifest or index.
func isImageType(mediaType string) bool {
	switch mediaType {
	case ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, MediaDockerManifest, MediaDockerList:
		return true
	}
	return false
}

// validateImageBlobs returns descriptors of an image. It refuses one that a registry inside the gap could not serve.
func validateImageBlobs(list []imageDescriptor) (out []ocispec.Descriptor, err error) {
	for _, d := range list {
		switch {
		case blob.CheckDigest(d.Digest) != nil:
			return nil, corrupt("image manifest: digest %.80q: want sha256", string(d.Digest))
		case strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable."):
			return nil, corrupt("image manifest: blob %s is to be had from the internet only", d.Digest)
		case d.URLs != nil:
			return nil, corrupt("image manifest: descriptor %s has urls", d.Digest)
		case d.Size < 0:
			return nil, corrupt("image manifest: blob %s: size %d", d.Digest, d.Size)
		case d.Size > MaxBlobSize:
			return nil, limit("size of "+d.Digest.String(), d.Size, MaxBlobSize)
		}
		desc := ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
		// Only the exporter chooses by platform, and it finds none in another form.
		if json.Unmarshal(d.Platform, &desc.Platform) != nil {
			desc.Platform = nil
		}
		out = append(out, desc)
	}
	return out, nil
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
