package changes

import (
	"fmt"
	"io"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// PrintRemoved prints the parts of a removal, one a line.
func PrintRemoved(w io.Writer, r *catalog.Removed) {
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, "  remove %s revision %d (%s)\n", rev.Snap, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "  remove %s revision %d (%s)\n", rev.Charm, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, res := range r.CharmResources {
		fmt.Fprintf(w, "  remove resource %s of %s revision %d\n", res.Resource, res.Charm, res.Revision)
	}
	for _, i := range r.RepositoryImages {
		fmt.Fprintf(w, "  remove image %s@%s (%s)\n", i.Repository, i.Digest, cli.Bytes(i.Size))
	}
	if r.Images > 0 {
		fmt.Fprintf(w, "  remove %s\n", cli.Count(r.Images, "image manifest"))
	}
	for _, m := range r.SnapMoves {
		fmt.Fprintf(w, "  %s %s for %s: %s -> %s\n", m.Snap, m.Channel, m.Architecture, catalog.RevisionName(m.From), catalog.RevisionName(m.To))
	}
	for _, m := range r.CharmMoves {
		fmt.Fprintf(w, "  %s %s: %s -> %s\n", m.Charm, m.Row(), catalog.RevisionName(m.From), catalog.RevisionName(m.To))
	}
	printTagMoves(w, r.TagMoves)
	for _, m := range r.Overrides {
		fmt.Fprintf(w, "  %s %s for %s: the override with revision %d goes\n", m.Snap, m.Channel, m.Architecture, m.From)
	}
	for _, list := range [][]string{r.Snaps, r.Charms, r.Bundles, r.Repositories} {
		for _, name := range list {
			fmt.Fprintf(w, "  nothing of %s stays\n", name)
		}
	}
}
