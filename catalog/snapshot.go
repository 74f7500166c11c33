// Package catalog keeps the catalogue in PostgreSQL: the imported content, the signer who vouched for it, and the content that
// devices are served. Blobs are in package blob. The catalogue refers to them by digest.
//
// A snap is identified by its snap-id, a revision by snap-id and number. The channel map has a row for each channel and
// architecture that an export asked for. The row with the latest signed time wins. The release history keeps each revision that a
// channel ever held, so that devices can install it by number.
package catalog

import (
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
	"offlinestore/snap"
)

// Snapshot is everything that devices are served, as of one Generation.
type Snapshot struct {
	// Generation grows with every change of the catalogue.
	Generation int64
	// Moment is the present one.
	Moment Moment
	// Snaps are sorted by name.
	Snaps []Snap
	// Stores are sorted by ID.
	Stores []Store
	// AbsentPrivate are the IDs of private snaps that are not in Snaps, sorted. There may be assertions about them.
	AbsentPrivate []string
	// Assertions are in no particular order. They have the newest revision of each type, primary key and format.
	Assertions []Assertion
	// Charms are charms and charm bundles, sorted by name.
	Charms []Charm
	// Images are the manifests and indexes of container images, sorted by digest.
	Images []Image
	// ImageTags are the further tags of images, sorted by repository and tag.
	ImageTags []ImageTag
	// Repositories have the images that belong to no charm, sorted by name.
	Repositories []Repository
	// DeviceModels are the models whose devices this store registers, sorted by brand and name.
	DeviceModels []ModelPolicy
	// Holds are the holds in force, sorted by kind and name. HoldEnds is the time until the first of them ends by itself, or 0.
	Holds    []Hold
	HoldEnds time.Duration
	// Imports is the number of all imports, and LastImport the time of the last one, zero if there was none.
	Imports    int
	LastImport time.Time
}

// Snap is one snap with all its revisions in the catalogue.
type Snap struct {
	Name, SnapID, DefaultTrack string
	Details                    snap.Details
	// Store is the store that the snap is private to, empty for a global one.
	Store string
	// Icon is nil for a snap without one.
	Icon *Icon
	// Revisions are sorted by number.
	Revisions []SnapRevision
	// ChannelMap holds each release once, sorted by architecture and channel. Several releases of one row are of different
	// epochs. Each revision named in it is in Revisions.
	ChannelMap []snap.Release
	// Held means that ChannelMap has the rows of a hold, and Pushed has the rows that bundles state.
	Held   bool
	Pushed []snap.Release
	// Overrides are rows of operators, which hide rows of ChannelMap. The architecture is snap.All for a revision that runs on
	// all.
	Overrides []snap.Release
	// History is like ChannelMap, with every release that a row ever held, newest first, followed by the releases of overrides.
	History []snap.Release
	// Imported and Overridden have the same releases and the closed rows, sorted by ID, for AsOf.
	Imported, Overridden []Event
}

// Store is the store of a brand. Its devices get private snaps beside the global ones.
type Store struct {
	ID string
	// Name is for people. It is empty while only snaps of the store are known.
	Name string
	// BrandID is the account of the brand, AdminID the account of the admin, and Parent the store above this one. They may be empty.
	BrandID, AdminID, Parent string
	// SnapIDs are the private snaps of the store, sorted.
	SnapIDs []string
}

// Icon is the picture of a snap: its blob and its media type.
type Icon struct {
	Blob      digest.Digest
	MediaType string
	Size      int64
}

// SnapRevision is a revision of a snap with the digests of its blobs.
type SnapRevision struct {
	snap.Revision
	Blob digest.Digest
	// ResourceBlobs has the blob of each of Resources, and IntegrityBlobs the blob of each of Integrity, in their order.
	ResourceBlobs  []digest.Digest
	IntegrityBlobs []digest.Digest
	// OlderComponents are the files of components that bundles named for the revision, and that are not in ResourceBlobs. They are
	// sorted by name and revision. Further describes them, as far as that is known.
	OlderComponents []ComponentFile
}

// ComponentFile is the file of a revision of a component.
type ComponentFile struct {
	Name     string
	Revision int
	Blob     digest.Digest
	Size     int64
}

// Assertion is one assertion, byte for byte as its authority signed it.
type Assertion struct {
	Type string
	// PrimaryKey is complete, including optional parts.
	PrimaryKey []string
	Format     int
	Revision   int
	Raw        []byte
}

// Charm is one charm or charm bundle with all its revisions and resources in the catalogue.
type Charm struct {
	// Type is charm.TypeCharm or charm.TypeBundle.
	Name, ID, Type, DefaultTrack string
	Details                      charm.Details
	// Icon is nil for a charm without one.
	Icon *Icon
	// Revisions are sorted by number.
	Revisions []CharmRevision
	// Resources are sorted by name and revision.
	Resources []CharmResource
	// ChannelMap holds each row once, sorted by channel and base. Revisions and Resources have each revision and resource named
	// in it.
	ChannelMap []charm.Release
	// Held means that ChannelMap has the rows of a hold, and Pushed has the rows that bundles state.
	Held   bool
	Pushed []charm.Release
	// History is like ChannelMap, with every release that a row ever held, newest first.
	History []charm.Release
}

// CharmRevision is a revision of a charm or charm bundle, with the digest of its archive.
type CharmRevision struct {
	charm.Revision
	Snaps []charm.SnapHint
	Blob  digest.Digest
	// Images are the images that a charm bundle names for its applications.
	Images []charm.Image
}

// CharmResource is a revision of a charm's resource: a file in Blob, which is empty for a file that was never uploaded, or an
// Image.
type CharmResource struct {
	charm.Resource
	Image *charm.Image
	Blob  digest.Digest
}

// Image is a manifest or an index of a container image. Its own bytes are a blob, too.
type Image struct {
	Digest    digest.Digest
	MediaType string
	Size      int64
	// Children are the manifests of an index that the catalogue has. Blobs are the config and the layers of a manifest.
	Children []digest.Digest
	Blobs    []ImageBlob
	// Subject is the manifest that this one refers to, as a signature does, or empty. The catalogue need not have it.
	Subject digest.Digest
}

// ImageTag is a tag of a repository by which tools find what belongs to an image, such as its signatures.
type ImageTag struct {
	Repository, Tag string
	Digest          digest.Digest
}

// Subject returns the digest of the manifest that the tag follows from.
func (t ImageTag) Subject() digest.Digest { return charm.TaggedDigest(t.Tag) }

// ImageBlob is the config or a layer of an image.
type ImageBlob struct {
	Digest digest.Digest
	Size   int64
}
