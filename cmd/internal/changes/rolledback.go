package changes

import (
	"fmt"
	"io"
	"time"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// PrintRolledBack prints the changes of a rollback.
func PrintRolledBack(w io.Writer, r *catalog.RolledBack) {
	for _, t := range r.Imports {
		fmt.Fprintf(w, "  take back import %d: %s, signed %s\n", t.ID, cli.Clean(t.Name), t.SignedAt.UTC().Format(time.RFC3339))
	}
	printMoves(w, r.SnapMoves, r.CharmMoves)
	printTagMoves(w, r.TagMoves)
	for _, m := range r.ImageMoves {
		fmt.Fprintf(w, "  image of resource %s of %s revision %d: %s -> %s\n", m.Resource, m.Charm, m.Revision, cli.Clean(m.From), cli.Clean(m.To))
	}
	if r.Items > 0 {
		fmt.Fprintf(w, "  %s of images\n", cli.Count(r.Items, "other change"))
	}
	for _, wd := range r.Withdrawals {
		fmt.Fprintf(w, "  %s %s is not withdrawn any more\n", wd.Kind, cli.Clean(wd.Name))
	}
	for _, s := range r.Stay {
		fmt.Fprintf(w, "  %s\n", cli.Clean(s))
	}
	if r.Moves()+len(r.ImageMoves)+r.Items+len(r.Withdrawals) == 0 {
		fmt.Fprintln(w, "  no channel moves")
	}
}

func printTagMoves(w io.Writer, list []catalog.TagMove) {
	for _, m := range list {
		fmt.Fprintf(w, "  image %s:%s: %s -> %s\n", m.Repository, m.Tag, digestName(m.From), digestName(m.To))
	}
}

// PrintReleased prints the changes of a release.
func PrintReleased(w io.Writer, r *catalog.Released) {
	for _, h := range r.Holds {
		if h.Kind != catalog.ItemAll {
			fmt.Fprintf(w, "  release %s %s\n", h.Kind, cli.Clean(h.Name))
		}
	}
	printMoves(w, r.SnapMoves, r.CharmMoves)
}

func printMoves(w io.Writer, snaps []catalog.SnapMove, charms []catalog.CharmMove) {
	for _, m := range snaps {
		fmt.Fprintf(w, "  %s %s for %s: %s -> %s\n", m.Snap, m.Channel, m.Row(), catalog.RevisionName(m.From), catalog.RevisionName(m.To))
	}
	for _, m := range charms {
		fmt.Fprintf(w, "  %s %s: %s -> %s\n", m.Charm, m.Row(), catalog.RevisionName(m.From), catalog.RevisionName(m.To))
	}
}
