// Package catalog keeps the catalogue in PostgreSQL: what was imported, which signer vouched for it, and what devices are
// served. Blobs are in package blob; the catalogue knows them by digest.
//
// A snap is known by its snap-id, a revision by snap-id and number. The channel map has a row for each channel and
// architecture that some bundle was asked for; the row with the latest signed time wins. Release history remembers each
// revision that a channel ever held, so that devices can install it by number.
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
	// Snaps are sorted by name.
	Snaps []Snap
	// Assertions are in no particular order. Of each type, primary key and format the newest revision is here.
	Assertions []Assertion
	// Charms are charms and charm bundles, sorted by name.
	Charms []Charm
	// Images are the manifests and indexes of container images, sorted by digest.
	Images []Image
	// Imports is how many bundles were imported, ever, and LastImport when the last one was; zero if there was none.
	Imports    int
	LastImport time.Time
}

// Snap is one snap with all its revisions that are here.
type Snap struct {
	Name, SnapID, DefaultTrack string
	Details                    snap.Details
	// Icon is nil for a snap without one.
	Icon *Icon
	// Revisions are sorted by number.
	Revisions []SnapRevision
	// ChannelMap holds each row once, sorted by architecture and channel. Each revision named in it is in Revisions.
	ChannelMap []snap.Release
	// Overrides are rows of operators, which hide those of ChannelMap. The architecture is snap.All for a revision that runs on all.
	Overrides []snap.Release
	// History is like ChannelMap, with every release that a row ever held; newest first, and then those of overrides.
	History []snap.Release
}

// Icon is the picture of a snap: its blob and what to call it in an answer.
type Icon struct {
	Blob      digest.Digest
	MediaType string
	Size      int64
}

// SnapRevision is a revision of a snap and where its blobs are.
type SnapRevision struct {
	snap.Revision
	Blob digest.Digest
	// ResourceBlobs has the blob of each of Resources, in their order.
	ResourceBlobs []digest.Digest
}

// Assertion is one assertion, byte for byte as its authority signed it.
type Assertion struct {
	Type string
	// PrimaryKey is whole, optional parts included.
	PrimaryKey []string
	Format     int
	Revision   int
	Raw        []byte
}

// Charm is one charm or charm bundle with all that is here of it.
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
	// ChannelMap holds each row once, sorted by channel and base. Each revision and resource named in it is here.
	ChannelMap []charm.Release
	// History is like ChannelMap, with every release that a row ever held; newest first.
	History []charm.Release
}

// CharmRevision is a revision of a charm or charm bundle, and where its archive is.
type CharmRevision struct {
	charm.Revision
	Snaps []charm.SnapHint
	Blob  digest.Digest
}

// CharmResource is a revision of a charm's resource: a file in Blob, which is empty for one that was never uploaded, or an Image.
type CharmResource struct {
	charm.Resource
	Image *charm.Image
	Blob  digest.Digest
}

// Image is a manifest or an index of a container image; its own bytes are a blob, too.
type Image struct {
	Digest    digest.Digest
	MediaType string
	Size      int64
	// Children are the manifests of an index that are here, Blobs the config and the layers of a manifest.
	Children []digest.Digest
	Blobs    []ImageBlob
}

// ImageBlob is the config or a layer of an image.
type ImageBlob struct {
	Digest digest.Digest
	Size   int64
}
