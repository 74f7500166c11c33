package main

import (
	"fmt"
	"io"
	"strings"

	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// plannedSnap is a revision of a snap that an export would fetch.
type plannedSnap struct {
	Snap          string   `json:"snap"`
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	From          []string `json:"from"`
	Components    []string `json:"components"`
	// Size is the size of the snap and its components in bytes.
	Size     int64    `json:"size"`
	NeededBy []string `json:"needed-by"`
}

// printPlan prints the plan of an export.
func printPlan(w io.Writer, p *exporter.Plan, asJSON bool) error {
	rows := []plannedSnap{}
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			row := plannedSnap{s.Listing.Name, r.Revision.Number, r.Version, r.Architectures, r.From, []string{}, r.Download.Size, append([]string{}, s.NeededBy...)}
			for _, c := range r.Components() {
				row.Components = append(row.Components, c.Name)
				row.Size += c.Download.Size
			}
			rows = append(rows, row)
		}
	}
	if asJSON {
		result := map[string]any{"plan": rows, "gaps": append([]exporter.Gap{}, p.Gaps...), "size": p.Size(), "left-out": append([]exporter.LeftOut{}, p.LeftOut...)}
		if p.Charms != nil {
			result["charms"] = plannedCharms(p)
			result["warnings"] = append([]string{}, p.Warnings...)
		}
		if names := plannedAssertions(p); len(names) > 0 {
			result["assertions"] = names
		}
		if images := plannedImages(p); len(images) > 0 {
			result["images"] = images
		}
		if len(p.Stores) > 0 {
			result["stores"] = plannedStores(p)
		}
		return cli.PrintJSON(w, result)
	}
	printPlanned(w, p)
	for _, r := range rows {
		needed := ""
		if len(r.NeededBy) > 0 {
			needed = ", needed by " + strings.Join(r.NeededBy, ", ")
		}
		fmt.Fprintf(w, "%s revision %d (%s): %s%s\n", r.Snap, r.Revision, strings.Join(r.From, ", "), cli.Bytes(r.Size), needed)
	}
	fmt.Fprintf(w, "%s to pack.\n", cli.Bytes(p.Size()))
	return nil
}

// printPlanned prints everything of a plan besides snaps.
func printPlanned(w io.Writer, p *exporter.Plan) {
	for _, s := range plannedStores(p) {
		fmt.Fprintf(w, "store %s (%s): %s\n", s.Store, cli.Clean(s.Name), cli.Count(len(s.Snaps), "private snap"))
	}
	for _, name := range plannedAssertions(p) {
		fmt.Fprintln(w, name)
	}
	for _, c := range plannedCharms(p) {
		c.print(w)
	}
	for _, i := range plannedImages(p) {
		i.print(w)
	}
}

// plannedStore is a store of a brand that an export would describe.
type plannedStore struct {
	Store  string `json:"store"`
	Name   string `json:"name"`
	Parent string `json:"parent"`
	// Snaps are the names of the private snaps in its list.
	Snaps []string `json:"snaps"`
}

func plannedStores(p *exporter.Plan) (out []plannedStore) {
	for _, s := range p.Stores {
		row := plannedStore{s.Description.ID, s.Description.Name, s.Description.Parent, []string{}}
		for _, m := range s.Description.Snaps {
			row.Snaps = append(row.Snaps, m.Name)
		}
		out = append(out, row)
	}
	return out
}

// plannedAssertions returns the names of the assertions that no snap or charm leads to.
func plannedAssertions(p *exporter.Plan) (names []string) {
	for _, a := range p.Assertions {
		names = append(names, a.String())
	}
	return names
}

// plannedCharm is a charm that an export would fetch.
type plannedCharm struct {
	Charm     string            `json:"charm"`
	Type      string            `json:"type"`
	Revisions []plannedRevision `json:"revisions"`
	Resources []plannedResource `json:"resources"`
	// Size is the size of all parts together in bytes; it counts shared parts of images once.
	Size int64 `json:"size"`
}

type plannedRevision struct {
	Revision int      `json:"revision"`
	Version  string   `json:"version"`
	From     []string `json:"from"`
	Size     int64    `json:"size"`
}

type plannedResource struct {
	Resource string `json:"resource"`
	Revision int    `json:"revision"`
	Type     string `json:"type"`
	// Image is the name of the image inside, Source its name upstream, and Manifests the number of manifests that the
	// export takes. Referrers is the number of signatures, attestations and the like that come with them.
	Image     string `json:"image,omitempty"`
	Source    string `json:"source,omitempty"`
	Manifests int    `json:"manifests,omitempty"`
	Referrers int    `json:"referrers,omitempty"`
	Size      int64  `json:"size"`
}

func plannedCharms(p *exporter.Plan) []plannedCharm {
	out := []plannedCharm{}
	for _, c := range p.Charms {
		row := plannedCharm{Charm: c.Listing.Name, Type: c.Listing.Type, Resources: []plannedResource{}, Size: c.Size()}
		for _, r := range c.Revisions {
			row.Revisions = append(row.Revisions, plannedRevision{r.Revision.Number, r.Revision.Version, r.From, r.Size()})
		}
		for _, r := range c.Resources {
			res := plannedResource{Resource: r.Resource.Name, Revision: r.Resource.Revision, Type: r.Resource.Type, Size: r.Resource.Download.Size}
			if r.Image != nil {
				res.Image, res.Source = r.Image.Name, r.Image.Source
				res.Size, res.Manifests = r.ImageSize()
				res.Referrers = r.Referrers()
			}
			row.Resources = append(row.Resources, res)
		}
		out = append(out, row)
	}
	return out
}

func (c *plannedCharm) print(w io.Writer) {
	for _, r := range c.Revisions {
		fmt.Fprintf(w, "%s revision %d (%s): %s\n", c.Charm, r.Revision, strings.Join(r.From, ", "), cli.Bytes(r.Size))
	}
	for _, r := range c.Resources {
		image := ""
		switch {
		case r.Manifests > 0:
			image = fmt.Sprintf(", image %s in %s", r.Source, cli.Count(r.Manifests, "manifest"))
			if r.Referrers > 0 {
				image += ", with " + cli.Count(r.Referrers, "referrer")
			}
		case r.Type == charm.ResourceImage:
			image = ", without its image"
		}
		fmt.Fprintf(w, "  resource %s revision %d: %s%s\n", r.Resource, r.Revision, cli.Bytes(r.Size), cli.Clean(image))
	}
}
