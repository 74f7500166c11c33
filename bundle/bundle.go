// Package bundle reads and writes the transport format: an OCI image layout (image-spec 1.1), signed, as a directory or packed as
// one tar. docs/bundle.md is its specification.
//
// # Vocabulary
//
// An item is one manifest of the bundle: a snap or charm by name, one revision of it, one revision of a charm's resource, the
// manifest of a container image, or a repository of images that belong to no charm. Its config is the item's JSON, its layers are its blobs. The bundle index (D in design.md) lists
// the items. Its digest covers the whole content, and the signed statement names this digest as its subject. The head is
// everything before the payload: layout file, index.json, bundle index, signature, manifests, configs, assertions and icons. The
// payload consists of the large blobs.
//
// # Writing
//
// A Builder collects items, Seal signs it, and a SignedBundle is written by WriteTar, WriteLayout or WriteFiles. An Encryption may be around
// a tar.
//
// # Reading
//
// Open reads as far as the signature. Verify verifies it with the trusted keys. Head reads and validates the rest of the head.
// Next then delivers the payload, blob by blob, each verified. The tar has exactly one valid encoding for a given content, so the
// reader detects each flipped bit: it knows each header before it reads it, and compares. Sealed returns a bundle that was read to the
// writers, with its signature.
package bundle

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FormatMajor and FormatMinor are the newest version of the format. A bundle is written in the oldest version that has all its
// content, so that older programs can read it. A reader refuses a newer version.
const (
	FormatMajor = 1
	FormatMinor = 4
)

// Media types and artifact types of the format.
const (
	TypeBundle    = "application/vnd.offlinestore.bundle.v1"
	TypeSignature = "application/vnd.offlinestore.signature.v1"
	TypeSnap      = "application/vnd.offlinestore.snap.v1"
	TypeRevision  = "application/vnd.offlinestore.snap.revision.v1"

	TypeCharm         = "application/vnd.offlinestore.charm.v1"
	TypeCharmRevision = "application/vnd.offlinestore.charm.revision.v1"
	TypeCharmResource = "application/vnd.offlinestore.charm.resource.v1"

	TypeAssertion  = "application/vnd.offlinestore.assertion.v1"
	TypeWithdrawal = "application/vnd.offlinestore.withdrawal.v1"
	TypeStore      = "application/vnd.offlinestore.store.v1"
	TypeRepository = "application/vnd.offlinestore.image.repository.v1"

	MediaSnapConfig     = "application/vnd.offlinestore.snap.config.v1+json"
	MediaRevisionConfig = "application/vnd.offlinestore.snap.revision.config.v1+json"
	MediaSnapBlob       = "application/vnd.offlinestore.snap.blob.v1+squashfs"
	MediaComponentBlob  = "application/vnd.offlinestore.snap.component.v1+squashfs"
	MediaIntegrityBlob  = "application/vnd.offlinestore.snap.integrity.v1"

	MediaCharmConfig         = "application/vnd.offlinestore.charm.config.v1+json"
	MediaCharmRevisionConfig = "application/vnd.offlinestore.charm.revision.config.v1+json"
	MediaCharmResourceConfig = "application/vnd.offlinestore.charm.resource.config.v1+json"
	MediaCharmBlob           = "application/vnd.offlinestore.charm.blob.v1+zip"
	MediaCharmResourceBlob   = "application/vnd.offlinestore.charm.resource.blob.v1"

	MediaAssertionConfig  = "application/vnd.offlinestore.assertion.config.v1+json"
	MediaWithdrawalConfig = "application/vnd.offlinestore.withdrawal.config.v1+json"
	MediaStoreConfig      = "application/vnd.offlinestore.store.config.v1+json"
	MediaRepositoryConfig = "application/vnd.offlinestore.image.repository.config.v1+json"

	MediaEnvelope = "application/vnd.dsse.envelope.v1+json"
)

// Annotations of the format.
const (
	// AnnotationFormat is the format's version, "major.minor", on the bundle index and in index.json.
	AnnotationFormat = "vnd.offlinestore.bundle.format"
	// AnnotationPublicKey is the signer's public key on the signature's manifest: base64 of the DER SubjectPublicKeyInfo.
	// It is there for inspection; trust never comes from it.
	AnnotationPublicKey = "vnd.offlinestore.public-key"
	// AnnotationSHA3384 is the SHA3-384 of a snap or component, in hex, on its layer.
	AnnotationSHA3384 = "vnd.offlinestore.sha3-384"
	// AnnotationPart and AnnotationDivision are in the index.json of a part: its number, from 1, and the digest of the division.
	AnnotationPart     = "vnd.offlinestore.part"
	AnnotationDivision = "vnd.offlinestore.division"
)

// The names of the files at the top of a layout.
const (
	layoutFile = ocispec.ImageLayoutFile // oci-layout
	indexFile  = ocispec.ImageIndexFile  // index.json
	blobPrefix = "blobs/sha256/"
)

// layoutContent is the content of the layout file.
var layoutContent = []byte(`{"imageLayoutVersion":"1.0.0"}`)

// emptyConfig is the config that the image-spec prescribes for an artifact without one.
var emptyConfig = []byte(`{}`)

func formatVersion() string { return fmt.Sprintf("%d.%d", FormatMajor, FormatMinor) }

// The versions of the format whose use depends on more than the kinds of items. Versions compare as strings.
const (
	contentFormat    = "1.2"
	storeFormat      = "1.3" // the first version with stores and private snaps
	repositoryFormat = "1.4" // the first version with repositories of images
)

// formatOf returns the version of the format in which a bundle of these items may be, if it claims to be in claimed. Only the content
// of the items shows whether they need a version after 1.1. An unknown kind belongs to no version, and is refused elsewhere.
func formatOf(claimed string, items []ocispec.Descriptor) string {
	oldest := "1.0"
	for _, desc := range items {
		switch desc.ArtifactType {
		case TypeRepository:
			oldest = max(oldest, repositoryFormat)
		case TypeStore:
			oldest = max(oldest, storeFormat)
		case TypeAssertion, TypeWithdrawal:
			oldest = max(oldest, contentFormat) // the first version with them
		case TypeCharm, TypeCharmRevision, TypeCharmResource, "": // an image has none
			oldest = max(oldest, "1.1")
		}
	}
	if claimed >= contentFormat {
		return max(claimed, oldest)
	}
	return oldest
}

// format returns the version in which a bundle of this content is written: the oldest that has all of it.
func (h *Head) format() string {
	switch {
	case len(h.Repositories) > 0:
		return repositoryFormat
	case len(h.Stores) > 0, slices.ContainsFunc(h.Snaps, func(s *Snap) bool { return s.Store != "" }):
		return storeFormat
	case h.large, len(h.Assertions)+len(h.Withdrawals) > 0,
		slices.ContainsFunc(h.Snaps, func(s *Snap) bool { return s.HasEpochs() }),
		slices.ContainsFunc(h.Revisions, func(r *SnapRevision) bool { return len(r.Integrity)+len(r.Revision.Further) > 0 }),
		slices.ContainsFunc(h.CharmRevisions, (*CharmRevision).isNew), slices.ContainsFunc(h.Images, (*ImageManifest).isNew),
		slices.ContainsFunc(h.Snaps, func(s *Snap) bool { return len(s.Unknown) > 0 }),
		slices.ContainsFunc(h.Charms, func(c *Charm) bool { return len(c.Unknown) > 0 }),
		h.hasReferrers:
		return contentFormat
	case len(h.Charms)+len(h.CharmRevisions)+len(h.CharmResources)+len(h.Images) > 0:
		return "1.1"
	}
	return "1.0"
}

// blobName returns the path of a blob inside a layout.
func blobName(d digest.Digest) string { return blobPrefix + d.Encoded() }

// describe returns the descriptor of b.
func describe(mediaType string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
}

// encode marshals one of the format's own structures. These can always be encoded.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("bundle: marshal: " + err.Error())
	}
	return b
}
