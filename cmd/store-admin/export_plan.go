package main

import (
	"fmt"
	"io"
	"strings"

	"offlinestore/cmd/internal/ui"
	"offlinestore/exporter"
)

// planned is a revision that an export would fetch.
type planned struct {
	Snap          string   `json:"snap"`
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	From          []string `json:"from"`
	Components    []string `json:"components"`
	// Size is that of the snap and its components, in bytes.
	Size     int64    `json:"size"`
	NeededBy []string `json:"needed-by"`
}

// printPlan prints what an export would do.
func printPlan(w io.Writer, p *exporter.Plan, asJSON bool) error {
	rows := []planned{}
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			row := planned{s.Listing.Name, r.Revision.Revision, r.Version, r.Architectures, r.From, []string{}, r.Download.Size, append([]string{}, s.NeededBy...)}
			for _, c := range r.Resources {
				row.Components = append(row.Components, c.Name)
				row.Size += c.Download.Size
			}
			rows = append(rows, row)
		}
	}
	if asJSON {
		return ui.PrintJSON(w, map[string]any{"plan": rows, "gaps": append([]exporter.Gap{}, p.Gaps...), "size": p.Size()})
	}
	for _, r := range rows {
		needed := ""
		if len(r.NeededBy) > 0 {
			needed = ", needed by " + strings.Join(r.NeededBy, ", ")
		}
		fmt.Fprintf(w, "%s revision %d (%s): %s%s\n", r.Snap, r.Revision, strings.Join(r.From, ", "), ui.Bytes(r.Size), needed)
	}
	fmt.Fprintf(w, "%s to pack.\n", ui.Bytes(p.Size()))
	return nil
}
