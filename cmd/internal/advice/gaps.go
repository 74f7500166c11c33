package advice

import (
	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
)

// GapRows is the JSON of check.
type GapRows struct {
	Gaps      []GapRow      `json:"gaps"`
	CharmGaps []CharmGapRow `json:"charm-gaps"`
}

// GapRow is a missing dependency of snaps and models.
type GapRow struct {
	Needs        string   `json:"needs"`
	Architecture string   `json:"architecture"`
	NeededBy     []string `json:"needed-by"`
	// Channel is set if a model names a channel other than the stable one of the default track.
	Channel string `json:"channel,omitempty"`
	// Revision is set if the channel has this revision, which is not for the architecture, or if a validation set or an approval is for it.
	Revision int `json:"revision,omitempty"`
	// Private is set for a snap that is here, and private to another store than the model's.
	Private bool `json:"private,omitempty"`
}

// CharmGapRow is a missing dependency of a charm or a charm bundle.
type CharmGapRow struct {
	Charm    string `json:"charm"`
	Revision int    `json:"revision"`
	// Kind is "resource", "image", "image-name", "snap", "charm" or "row".
	Kind  string `json:"kind"`
	Needs string `json:"needs"`
	// Fix is the step that fills the gap, outside.
	Fix string `json:"fix"`
}

// NewGapRows returns the JSON of gaps, with the step that fills each gap of a charm.
func NewGapRows(gaps []closure.Gap) GapRows {
	out := GapRows{Gaps: []GapRow{}, CharmGaps: []CharmGapRow{}}
	for _, g := range gaps {
		if !g.ByCharm() {
			row := GapRow{Needs: g.Name, Revision: g.Revision, Architecture: g.Architecture, Channel: g.Channel, Private: g.Kind == closure.KindPrivate}
			if g.Kind == closure.KindApproval {
				row.Needs = string(g.Kind) + " of " + g.Name
			}
			for _, n := range g.NeededBy {
				row.NeededBy = append(row.NeededBy, n.String())
			}
			out.Gaps = append(out.Gaps, row)
			continue
		}
		needs := g
		if g.Revision > 0 {
			needs.Architecture = "" // the revision already implies it
		}
		by := g.NeededBy[0]
		out.CharmGaps = append(out.CharmGaps, CharmGapRow{by.Name, by.Revision, string(g.Kind), needs.Needs(), cli.GapFix(g)})
	}
	return out
}
