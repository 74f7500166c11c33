package main

import (
	"fmt"
	"slices"
	"time"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/closure"
	"offlinestore/snap"
)

// charmSummary is the description of a charm or charm bundle that inspect prints.
type charmSummary struct {
	Name      string                 `json:"name"`
	ID        string                 `json:"id"`
	Type      string                 `json:"type"`
	Publisher string                 `json:"publisher"`
	Channels  []charm.Release        `json:"channel-map"`
	Revisions []charmRevisionSummary `json:"revisions"`
	Resources []resourceSummary      `json:"resources"`
}

type charmRevisionSummary struct {
	Revision int              `json:"revision"`
	Version  string           `json:"version"`
	Bases    []*charm.Base    `json:"bases"`
	Size     int64            `json:"size"`
	Digest   string           `json:"digest"`
	Snaps    []charm.SnapHint `json:"snaps,omitempty"`
}

type resourceSummary struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
	Type     string `json:"type"`
	Size     int64  `json:"size,omitempty"`
	Digest   string `json:"digest,omitempty"`
	// Image is the future name of the image; Digest holds its digest.
	Image string `json:"image,omitempty"`
	// Manifests is the number of the image's manifests in the bundle, or 0 for an image that was left out.
	Manifests int `json:"manifests,omitempty"`
}

type imageSummary struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media-type"`
	// Listed is the number of manifests that an index lists, and Manifests how many of them are in the bundle.
	Listed    int `json:"listed,omitempty"`
	Manifests int `json:"manifests,omitempty"`
	// Size is the size of the config and the layers.
	Size int64 `json:"size"`
}

func summariseCharm(c *bundle.Charm, h *bundle.Head) charmSummary {
	out := charmSummary{Name: c.Name, ID: c.ID, Type: c.Type, Publisher: c.Result.Publisher.DisplayName,
		Channels: append([]charm.Release{}, c.ChannelMap...), Revisions: []charmRevisionSummary{}, Resources: []resourceSummary{}}
	for _, r := range h.CharmRevisions {
		if r.Name != c.Name {
			continue
		}
		rev := charmRevisionSummary{Revision: r.Revision.Number, Version: r.Revision.Version, Size: r.Blob.Size, Digest: r.Blob.Digest.String(), Snaps: r.Snaps}
		rev.Bases = slices.DeleteFunc(append([]*charm.Base{}, r.Revision.Bases...), func(b *charm.Base) bool { return b == nil })
		out.Revisions = append(out.Revisions, rev)
	}
	for _, r := range h.CharmResources {
		if r.Charm != c.Name {
			continue
		}
		res := resourceSummary{Name: r.Resource.Name, Revision: r.Resource.Revision, Type: r.Resource.Type}
		if r.Blob != nil {
			res.Size, res.Digest = r.Blob.Size, r.Blob.Digest.String()
		}
		if r.Image != nil {
			res.Image, res.Digest = r.Image.Name, r.Image.Digest
			res.Manifests = len(h.ImageManifests(r.Image.Digest))
		}
		out.Resources = append(out.Resources, res)
	}
	return out
}

func summariseImage(m *bundle.ImageManifest) imageSummary {
	out := imageSummary{Digest: m.Digest.String(), MediaType: m.MediaType, Listed: len(m.Listed), Manifests: len(m.Children)}
	for _, b := range m.Blobs {
		out.Size += b.Size
	}
	return out
}

// summary is the description of a bundle that inspect prints.
type summary struct {
	File        string         `json:"file"`
	Digest      string         `json:"digest"`
	Signer      string         `json:"signer"`
	Algorithm   string         `json:"algorithm"`
	Trusted     bool           `json:"trusted"`
	Created     time.Time      `json:"created"`
	Exporter    string         `json:"exporter"`
	Program     string         `json:"program"`
	Sequence    uint64         `json:"sequence"`
	Request     bundle.Request `json:"request"`
	Blobs       int            `json:"blobs"`
	PayloadSize int64          `json:"payload-size"`
	// Increment describes the blobs that are left out, and Expected counts them.
	Increment *bundle.Increment `json:"increment,omitempty"`
	Expected  int               `json:"expected-blobs,omitempty"`
	// Part is there for a part of a divided bundle.
	Part   *filePart      `json:"part,omitempty"`
	Snaps  []snapSummary  `json:"snaps"`
	Charms []charmSummary `json:"charms,omitempty"`
	// Images are the manifests and indexes of container images.
	Images []imageSummary `json:"images,omitempty"`
	// Assertions names the assertions that no snap or charm leads to.
	Assertions []string `json:"assertions,omitempty"`
	// Withdrawals are the snaps and charms that the store upstream does not offer any more.
	Withdrawals []bundle.WithdrawalConfig `json:"withdrawals,omitempty"`
	// Stores are the stores of brands.
	Stores []snap.Store `json:"stores,omitempty"`
	// Repositories have the images that belong to no charm.
	Repositories []repositorySummary `json:"repositories,omitempty"`
	// Missing names the dependencies of snaps and charms that no inspected bundle has.
	Missing []string `json:"missing"`
	head    *bundle.Head
	gaps    []closure.Gap
}

type snapSummary struct {
	Name      string `json:"name"`
	SnapID    string `json:"snap-id"`
	Publisher string `json:"publisher"`
	// Store is the store that the snap is private to.
	Store     string            `json:"store,omitempty"`
	Channels  []snap.Release    `json:"channel-map"`
	Revisions []revisionSummary `json:"revisions"`
}

type revisionSummary struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	Size          int64    `json:"size"`
	Digest        string   `json:"digest"`
	SHA3384       string   `json:"sha3-384"`
	Components    []string `json:"components"`
	// Integrity names the kinds of data with which devices verify the file while they read it.
	Integrity []string `json:"integrity"`
}

func summarise(sn *bundle.Snap, revisions []*bundle.SnapRevision) snapSummary {
	out := snapSummary{Name: sn.Name, SnapID: sn.SnapID, Publisher: sn.Listing.Snap.Publisher.DisplayName, Store: sn.Store,
		Channels: append([]snap.Release{}, sn.ChannelMap...), Revisions: []revisionSummary{}}
	for _, r := range revisions {
		if r.Name != sn.Name {
			continue
		}
		rs := revisionSummary{r.Revision.Number, r.Revision.Version, r.Revision.Architectures, r.Blob.Size, r.Blob.Digest.String(), r.Revision.Download.SHA3384, []string{}, []string{}}
		for _, c := range r.Revision.Components() {
			rs.Components = append(rs.Components, fmt.Sprintf("%s %d", c.Name, c.Revision))
		}
		for _, in := range r.Revision.Integrity {
			rs.Integrity = append(rs.Integrity, in.Type)
		}
		out.Revisions = append(out.Revisions, rs)
	}
	return out
}
