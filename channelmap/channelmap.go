// Package channelmap holds the channel maps of snaps and charms: the revision of each channel for each platform.
//
// A platform is an architecture for snaps, and a base for charms. A row is a channel on a platform. An open row has a release, or
// several for devices with data of different epochs. A closed row has none, and its readers fall back to the next stabler risk. A
// missing row means that the channel's content is unknown.
//
// Recorder makes the rows of an export from the answers of an upstream store. Ledger decides which bundle's row counts. Overlay
// puts an operator's overrides over rows. Map answers the questions of clients.
package channelmap

import (
	"cmp"
	"slices"

	"offlinestore/channel"
)

// Key names a row. Its Channel has a track.
type Key[P comparable] struct {
	Platform P
	Channel  channel.Channel
}

// Epoch orders the releases of one channel by their data formats. It is zero for charms, and for most snaps.
type Epoch struct {
	// Write is the highest epoch that a release writes, Read the lowest one that it reads.
	Write, Read uint32
}

// NewEpoch returns the Epoch of a revision with the lists of epochs that it reads and writes. An empty list means epoch 0.
func NewEpoch(read, write []uint32) (e Epoch) {
	if len(write) > 0 {
		e.Write = slices.Max(write)
	}
	if len(read) > 0 {
		e.Read = slices.Min(read)
	}
	return e
}

// leadsTo reports whether a device can go on to a release of the newer epoch after one of e.
func (e Epoch) leadsTo(newer Epoch) bool { return e.Compare(newer) < 0 && e.Write >= newer.Read }

// Compare returns a negative number if e is older than other, and a positive one if it is newer. If both write the same epoch,
// the one that reads fewer old epochs is newer.
func (e Epoch) Compare(other Epoch) int {
	return cmp.Or(cmp.Compare(e.Write, other.Write), cmp.Compare(e.Read, other.Read))
}

// Release is a revision that was released to a channel, with a Value for the caller of the package.
type Release[V any] struct {
	// Revision is 0 only if the row is closed and has no release.
	Revision int
	Epoch    Epoch
	// ReleasedAt is the time of the release in RFC 3339, or empty.
	ReleasedAt string
	// Everywhere means that the revision runs on every platform.
	Everywhere bool
	Value      V
}

// Row is the content of a channel for a platform. It is closed if it has no releases.
type Row[P comparable, V any] struct {
	Key[P]
	// Releases has one release for each epoch, the newest epoch first.
	Releases []Release[V]
}

// NewRow makes a row. It sorts the releases, and leaves out those without a revision.
func NewRow[P comparable, V any](p P, c channel.Channel, releases ...Release[V]) Row[P, V] {
	releases = slices.DeleteFunc(slices.Clone(releases), func(r Release[V]) bool { return r.Revision == 0 })
	slices.SortStableFunc(releases, func(a, b Release[V]) int { return b.Epoch.Compare(a.Epoch) })
	return Row[P, V]{Key[P]{p, c}, releases}
}

// Newest returns the release of the newest epoch, which a new installation gets. Its revision is 0 if the row is closed.
func (r Row[P, V]) Newest() Release[V] {
	if len(r.Releases) == 0 {
		return Release[V]{}
	}
	return r.Releases[0]
}
