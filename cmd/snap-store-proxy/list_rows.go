package main

import (
	"io"
	"slices"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// channelsOf returns the channels that serve a revision, each once.
func channelsOf(s *catalog.Snap, revision int) []string {
	var out []string
	for _, row := range s.Served() {
		if row.Revision == revision && !slices.Contains(out, row.Channel) {
			out = append(out, row.Channel)
		}
	}
	return out
}

func listJSON(w io.Writer, cat *catalog.Snapshot) error {
	type component struct {
		Name     string `json:"name"`
		Revision int    `json:"revision"`
		Type     string `json:"type"`
		Size     int64  `json:"size"`
		SHA3384  string `json:"sha3-384"`
	}
	type revision struct {
		Revision      int      `json:"revision"`
		Version       string   `json:"version"`
		Architectures []string `json:"architectures"`
		Size          int64    `json:"size"`
		SHA3384       string   `json:"sha3-384"`
		Channels      []string `json:"channels"`
		// Components are released with the revision.
		Components []component `json:"components"`
	}
	type row struct {
		Name      string     `json:"name"`
		SnapID    string     `json:"snap-id"`
		Stores    []string   `json:"stores"`
		Revisions []revision `json:"revisions"`
	}
	rows := []row{}
	for _, s := range cat.Snaps {
		r := row{Name: s.Name, SnapID: s.SnapID, Stores: []string{globalStore}, Revisions: []revision{}}
		for _, rev := range s.Revisions {
			components := []component{}
			for _, c := range rev.Components() {
				components = append(components, component{c.Name, c.Revision, c.Type, c.Download.Size, c.Download.SHA3384})
			}
			r.Revisions = append(r.Revisions, revision{rev.Revision.Number, rev.Version, rev.Architectures, rev.Download.Size,
				rev.Download.SHA3384, append([]string{}, channelsOf(&s, rev.Revision.Number)...), components})
		}
		rows = append(rows, r)
	}
	return cli.PrintJSON(w, rows)
}

// globalStore is the original's name for the store that belongs to no brand.
const globalStore = "ubuntu"
