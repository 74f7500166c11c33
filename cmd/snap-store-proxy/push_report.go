package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// content names what a bundle brings.
type content struct{ importer.Content }

// group is the names of one kind.
type group struct {
	kind  string
	names []string
}

func (c *content) groups() []group {
	return []group{{"snap", c.Snaps}, {"charm", c.Charms}, {"bundle", c.Bundles}}
}

// String is "snap hello, jq; charm postgresql".
func (c *content) String() string {
	var out []string
	for _, g := range c.groups() {
		if len(g.names) > 0 {
			out = append(out, g.kind+" "+strings.Join(g.names, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// kind is what a name of a charm's report is: a charm, or a charm bundle.
func (c *content) kind(name string) string {
	if slices.Contains(c.Bundles, name) {
		return "bundle"
	}
	return "charm"
}

// changes counts what a report adds and moves.
func changes(r *catalog.Report) (revisions, moves int) {
	return len(r.SnapRevisions) + len(r.CharmRevisions) + len(r.CharmResources), len(r.SnapMoves) + len(r.CharmMoves)
}

// isEmpty says whether a report has nothing to tell.
func isEmpty(r *catalog.Report) bool {
	revisions, moves := changes(r)
	return revisions+moves+r.Images+len(r.ImageMoves)+len(r.Kept)+len(r.KeptCharms) == 0
}

// printReport says what an import changed, in the original's words.
func printReport(w io.Writer, c *content, r *catalog.Report) {
	updated := make(map[string]bool)
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, "[snap %s] Uploaded snap blob and assertions for %[1]s revision %d\n", rev.Snap, rev.Revision)
	}
	for _, m := range r.SnapMoves {
		updated["snap "+m.Snap] = true
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "[%s %s] Uploaded %[1]s blob for %[2]s revision %d\n", c.kind(rev.Charm), rev.Charm, rev.Revision)
	}
	for _, res := range r.CharmResources {
		fmt.Fprintf(w, "[charm %s] Uploaded resource %s revision %d\n", res.Charm, res.Resource, res.Revision)
	}
	for _, m := range r.CharmMoves {
		updated[c.kind(m.Charm)+" "+m.Charm] = true
	}
	for _, m := range r.ImageMoves {
		fmt.Fprintf(w, "[charm %s] The image of resource %s revision %d is %s now, and %s no more.\n", m.Charm, m.Resource, m.Revision, m.To, m.From)
	}
	if r.Images > 0 {
		fmt.Fprintf(w, "[images] Uploaded %s\n", cli.Count(r.Images, "image manifest"))
	}
	for _, g := range c.groups() {
		for _, name := range g.names {
			if updated[g.kind+" "+name] {
				fmt.Fprintf(w, "[%s %s] Channelmaps were successfully updated.\n", g.kind, name)
			}
		}
	}
	for _, m := range r.Kept {
		printKept(w, "snap", m.Snap, m.Channel+" for "+m.Architecture, m.From, m.To)
	}
	for _, m := range r.KeptCharms {
		printKept(w, c.kind(m.Charm), m.Charm, charmRow(m), m.From, m.To)
	}
}

func printKept(w io.Writer, kind, name, row string, from, to int) {
	fmt.Fprintf(w, "[%s %s] %s stays at %s: a newer bundle has set it (--push-channel-map would set it to %s).\n", kind, name, row, revisionName(from), revisionName(to))
}

// charmRow names a row of a charm's channel map; a bundle's is for every base.
func charmRow(m catalog.CharmMove) string {
	if m.Base == "" {
		return m.Channel
	}
	return m.Channel + " for " + m.Base
}

func revisionName(n int) string {
	switch n {
	case -1:
		return "no revision"
	case 0:
		return "closed"
	}
	return fmt.Sprintf("revision %d", n)
}

// printChanges lists what importing a bundle would change.
func printChanges(w io.Writer, c *content, r *catalog.Report) {
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, "  add %s revision %d (%s)\n", rev.Snap, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "  add %s %s revision %d (%s)\n", c.kind(rev.Charm), rev.Charm, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, res := range r.CharmResources {
		size := ""
		if res.Size > 0 { // an image's is that of its layers, which others may have, too
			size = " (" + cli.Bytes(res.Size) + ")"
		}
		fmt.Fprintf(w, "  add resource %s of %s revision %d%s\n", res.Resource, res.Charm, res.Revision, size)
	}
	for _, m := range r.ImageMoves {
		fmt.Fprintf(w, "  image of resource %s of %s revision %d: %s -> %s\n", m.Resource, m.Charm, m.Revision, m.From, m.To)
	}
	if r.Images > 0 {
		fmt.Fprintf(w, "  add %s\n", cli.Count(r.Images, "image manifest"))
	}
	for _, m := range r.SnapMoves {
		fmt.Fprintf(w, "  %s %s for %s: %s -> %s\n", m.Snap, m.Channel, m.Architecture, revisionName(m.From), revisionName(m.To))
	}
	for _, m := range r.CharmMoves {
		fmt.Fprintf(w, "  %s %s: %s -> %s\n", m.Charm, charmRow(m), revisionName(m.From), revisionName(m.To))
	}
	for _, m := range r.Kept {
		fmt.Fprintf(w, "  %s %s for %s stays at %s: set by a newer bundle\n", m.Snap, m.Channel, m.Architecture, revisionName(m.From))
	}
	for _, m := range r.KeptCharms {
		fmt.Fprintf(w, "  %s %s stays at %s: set by a newer bundle\n", m.Charm, charmRow(m), revisionName(m.From))
	}
	if isEmpty(r) {
		fmt.Fprintln(w, "  nothing new")
	}
}
