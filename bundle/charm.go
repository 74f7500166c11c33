package bundle

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/charm"
)

// Charm is the item of a charm or charm bundle by name: its listing, the publisher's account assertion with all that it needs, or
// nil where the store has none, and its icon or nil.
type Charm struct {
	charm.Listing
	Assertions []byte
	Icon       *Icon
}

// File is a blob of the payload that no assertion names: a .charm, the archive of a charm bundle, a resource.
type File struct {
	Digest digest.Digest
	Size   int64
}

// CharmRevision is the item of one revision of a charm or charm bundle, and its archive.
type CharmRevision struct {
	charm.Item
	Blob File
}

// CharmResource is the item of one revision of a charm's resource, and its file: nil for an image, whose manifests are items of
// their own, and for a file that was never uploaded.
type CharmResource struct {
	charm.ResourceItem
	Blob *File
}

// ImageManifest is a manifest or an index of a container image, byte for byte as the registry had it. Each manifest that is in the
// bundle is an item, so the children of an index that are not were left out on purpose.
type ImageManifest struct {
	MediaType string
	Digest    digest.Digest
	Raw       []byte
	// Children are the manifests that an index lists and the bundle has. Blobs are the config and the layers of a manifest.
	Children []digest.Digest
	Blobs    []ocispec.Descriptor
}
