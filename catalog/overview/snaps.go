// Package overview describes the content of a catalogue: its snaps, its charms, and the imports that brought them. The JSON of its
// types is documented in docs/json.md.
package overview

import (
	"slices"

	"offlinestore/catalog"
)

// GlobalStore is the original's name for the store that belongs to no brand.
const GlobalStore = "ubuntu"

// Snap is a snap in a list.
type Snap struct {
	Name      string         `json:"name"`
	SnapID    string         `json:"snap-id"`
	Stores    []string       `json:"stores"`
	Revisions []SnapRevision `json:"revisions"`
}

// SnapRevision is a revision of a snap, with all channels that serve it.
type SnapRevision struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	Size          int64    `json:"size"`
	SHA3384       string   `json:"sha3-384"`
	Channels      []string `json:"channels"`
	// Components are released with the revision.
	Components []Component `json:"components"`
}

// Component is a component of a revision of a snap.
type Component struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
	Type     string `json:"type"`
	Size     int64  `json:"size"`
	SHA3384  string `json:"sha3-384"`
	Version  string `json:"-"`
}

// Snaps returns the snaps of a catalogue.
func Snaps(cat *catalog.Snapshot) []Snap {
	out := []Snap{}
	for i := range cat.Snaps {
		s := &cat.Snaps[i]
		listed := Snap{Name: s.Name, SnapID: s.SnapID, Stores: storesOf(cat, s), Revisions: []SnapRevision{}}
		for _, r := range s.Revisions {
			components := []Component{}
			for _, c := range r.Components() {
				components = append(components, Component{c.Name, c.Revision, c.Type, c.Download.Size, c.Download.SHA3384, c.Version})
			}
			listed.Revisions = append(listed.Revisions, SnapRevision{r.Revision.Number, r.Version, r.Architectures, r.Download.Size,
				r.Download.SHA3384, channelsOf(s, r.Revision.Number), components})
		}
		out = append(out, listed)
	}
	return out
}

// storesOf returns the IDs of the stores that have a snap. The global store is one. Devices of stores below a private snap's, and of stores
// that name it as friendly, get the snap, too.
func storesOf(cat *catalog.Snapshot, s *catalog.Snap) []string {
	if s.Store == "" {
		return []string{GlobalStore}
	}
	return cat.StoresOf(s)
}

// channelsOf returns the channels that serve a revision, each once.
func channelsOf(s *catalog.Snap, revision int) []string {
	out := []string{}
	for _, row := range s.Served() {
		if row.Revision == revision && !slices.Contains(out, row.Channel) {
			out = append(out, row.Channel)
		}
	}
	return out
}
