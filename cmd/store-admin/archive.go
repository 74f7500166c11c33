package main

import (
	"slices"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/receiver"
)

// exportedBundle is a bundle that was written.
type exportedBundle struct {
	Snaps  []string `json:"snaps"`
	Charms []string `json:"charms,omitempty"`
	// Withdrawn are the snaps that the bundle states to be withdrawn.
	Withdrawn []string `json:"withdrawn,omitempty"`
	// Assertions are the assertions that no snap or charm leads to.
	Assertions []string `json:"assertions,omitempty"`
	// Stores are the IDs of the stores of brands.
	Stores []string `json:"stores,omitempty"`
	// Images are the names inside of images that belong to no charm.
	Images   []string `json:"images,omitempty"`
	File     string   `json:"file"`
	Digest   string   `json:"digest"`
	Size     int64    `json:"size"`
	NeededBy []string `json:"needed-by"`
	// LeftOut counts the blobs that the receiver has.
	LeftOut int `json:"expected-blobs,omitempty"`
	// Parts are the files of a bundle in parts. File is the first one.
	Parts []exportedPart `json:"parts,omitempty"`
	// For is the name of the receiver, if the export has one.
	For string `json:"for,omitempty"`

	delivery receiver.Delivery
	to       *receiverOptions
}

// archive is a file that an export writes.
type archive struct {
	file   string
	snaps  []*exporter.Snap
	charms []*exporter.Charm
	// assertions are the assertions that no snap or charm leads to.
	assertions []*exporter.Assertion
	size       int64 // of its payload
	// withdrawals are statements about snaps that the store does not offer any more.
	withdrawals []*exporter.Withdrawal
	// stores are the stores of brands.
	stores []*exporter.Store
	// repositories are the images that belong to no charm.
	repositories []*exporter.Repository
	// locked is the content of a lock, or nil. Then the archive has no other items.
	locked *bundle.Content
	// to is the receiver that the archive is for.
	to *receiverOptions
}

// isOneSnap reports whether the archive has one snap, and nothing else.
func (a *archive) isOneSnap() bool {
	return len(a.snaps) == 1 && len(a.charms)+len(a.assertions)+len(a.stores)+len(a.repositories) == 0
}

// describe describes the bundle of an archive.
func (a *archive) describe(sealed *bundle.SignedBundle) exportedBundle {
	done := exportedBundle{File: a.file, Snaps: []string{}, Digest: sealed.Digest().String(), NeededBy: []string{}, LeftOut: sealed.LeftOut()}
	if a.locked != nil {
		done.addHead(a.locked.Head())
	}
	for _, s := range a.snaps {
		done.Snaps = append(done.Snaps, s.Listing.Name)
	}
	for _, w := range a.withdrawals {
		done.Withdrawn = append(done.Withdrawn, w.Name)
	}
	for _, c := range a.charms {
		done.Charms = append(done.Charms, c.Listing.Name)
	}
	for _, as := range a.assertions {
		done.Assertions = append(done.Assertions, as.String())
	}
	for _, s := range a.stores {
		done.Stores = append(done.Stores, s.Description.ID)
	}
	for _, r := range a.repositories {
		done.Images = append(done.Images, r.Names()...)
	}
	if a.isOneSnap() {
		done.NeededBy = append(done.NeededBy, a.snaps[0].NeededBy...)
	}
	return done
}

// addHead adds the names of the items of a locked content.
func (b *exportedBundle) addHead(h *bundle.Head) {
	req := lockedRequest(h)
	b.Snaps, b.Charms = append(b.Snaps, req.Snaps...), append(req.Charms, req.Bundles...)
	for _, a := range h.Assertions {
		b.Assertions = append(b.Assertions, a.Ref.Name())
	}
	for _, w := range h.Withdrawals {
		b.Withdrawn = append(b.Withdrawn, w.Name)
	}
	for _, s := range h.Stores {
		b.Stores = append(b.Stores, s.ID)
	}
	for _, r := range h.Repositories {
		b.Images = append(b.Images, r.Names()...)
	}
}

// lockedRequest returns the request that leads to a locked content, as the signed statement has it.
func lockedRequest(h *bundle.Head) (req bundle.Request) {
	for _, s := range h.Snaps {
		req.Snaps = append(req.Snaps, s.Name)
		for _, row := range s.ChannelMap {
			req.Channels = append(req.Channels, row.Channel)
			req.Architectures = append(req.Architectures, row.Architecture)
		}
	}
	for _, c := range h.Charms {
		if c.Type == charm.TypeBundle {
			req.Bundles = append(req.Bundles, c.Name)
		} else {
			req.Charms = append(req.Charms, c.Name)
		}
		for _, row := range c.ChannelMap {
			req.Channels = append(req.Channels, row.Channel)
		}
	}
	for _, list := range []*[]string{&req.Snaps, &req.Channels, &req.Architectures} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return req
}

// exportedPart is a part that was written.
type exportedPart struct {
	Number int    `json:"number"`
	File   string `json:"file"`
	Size   int64  `json:"size"`
}
