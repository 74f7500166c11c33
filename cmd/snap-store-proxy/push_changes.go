package main

import (
	"fmt"
	"io"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// printChanges prints the changes that the import of a bundle would make.
func printChanges(w io.Writer, c content, r *catalog.Report) {
	for _, a := range r.AssertionItems {
		fmt.Fprintf(w, "  add %s\n", a)
	}
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, "  add %s revision %d (%s)\n", rev.Snap, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "  add %s %s revision %d (%s)\n", c.kind(rev.Charm), rev.Charm, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, res := range r.CharmResources {
		size := ""
		if res.Size > 0 { // an image's size is the size of its layers, which other images may share
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
	for _, u := range r.Updates {
		fmt.Fprintf(w, "  %s\n", cli.ChangeLine(u))
	}
	if n := r.NewAssertions(); n > 0 {
		fmt.Fprintf(w, "  add %s\n", cli.Count(n, "assertion"))
	}
	printTakeOvers(w, r)
	for _, wd := range r.Withdrawals {
		fmt.Fprintf(w, "  %s %s is withdrawn upstream (%s)\n", wd.Kind, wd.Name, wd.Reason)
	}
	for _, m := range r.SnapMoves {
		fmt.Fprintf(w, "  %s %s for %s: %s -> %s\n", m.Snap, m.Channel, snapRow(m), revisionName(m.From), revisionName(m.To))
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
	if r.IsEmpty() {
		fmt.Fprintln(w, "  nothing new")
	}
}
