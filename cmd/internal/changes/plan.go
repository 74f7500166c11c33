// Package changes prints, for people, what imports and removals change in the catalogue, or would change.
package changes

import (
	"fmt"
	"io"
	"slices"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/difference"
	"offlinestore/importer"
)

// PrintFile prints the plan of a file: who vouches for it, its changes, and the bytes to copy.
func PrintFile(w io.Writer, f *importer.File) {
	vouched := "signed by " + f.Signer
	switch f.Signer {
	case catalog.Unsigned:
		vouched = "unsigned"
	case catalog.OwnSignatures:
		vouched = "verified by its own signatures"
	case catalog.StoreSignatures:
		vouched = "vouched for by the store alone"
	}
	fmt.Fprintf(w, "%s (%s), %s:\n", cli.Clean(f.Name), f.Content, vouched)
	if f.Part != nil && !printPartPlan(w, f) {
		return
	}
	if f.UpToDate && f.Planned.TakenBack > 0 {
		fmt.Fprintf(w, "  rollback %d took it back: nothing to do without --push-channel-map\n", f.Planned.TakenBack)
		return
	}
	if f.UpToDate {
		fmt.Fprintln(w, "  already imported: nothing to do")
		return
	}
	PrintPlan(w, f.Content, f.Planned)
	if f.Unsigned || f.Signer == catalog.StoreSignatures {
		fmt.Fprintln(w, "  copy nothing: its blobs were already copied to read its content")
		return
	}
	if f.Payload == 0 { // a file of assertions
		return
	}
	fmt.Fprintf(w, "  copy %s of %s\n", cli.Bytes(f.Missing), cli.Bytes(f.Payload))
}

// PrintPlan prints the changes that the import of a bundle would make.
func PrintPlan(w io.Writer, c importer.Content, r *catalog.Report) {
	for _, a := range r.AssertionItems {
		fmt.Fprintf(w, "  add %s\n", a)
	}
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, "  add %s revision %d (%s)\n", rev.Snap, rev.Revision, cli.Bytes(rev.Size))
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "  add %s %s revision %d (%s)\n", c.CharmKind(rev.Charm), rev.Charm, rev.Revision, cli.Bytes(rev.Size))
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
	for _, i := range r.RepositoryImages {
		fmt.Fprintf(w, "  add image %s@%s (%s)\n", i.Repository, i.Digest, cli.Bytes(i.Size))
	}
	for _, u := range r.Updates {
		fmt.Fprintf(w, "  %s\n", cli.ChangeLine(u))
	}
	if n := r.NewAssertions(); n > 0 {
		fmt.Fprintf(w, "  add %s\n", cli.Count(n, "assertion"))
	}
	PrintTakeOvers(w, r)
	for _, wd := range r.Withdrawals {
		fmt.Fprintf(w, "  %s %s is withdrawn upstream (%s)\n", wd.Kind, wd.Name, wd.Reason)
	}
	printMoves(w, r.SnapMoves, r.CharmMoves)
	printTagMoves(w, r.TagMoves)
	planRest(w, r)
	if r.IsEmpty() {
		fmt.Fprintln(w, "  nothing new")
	}
}

// planRest prints the rows that the import would not move.
func planRest(w io.Writer, r *catalog.Report) {
	why := "set by a newer bundle"
	if r.TakenBack > 0 {
		why = fmt.Sprintf("rollback %d took this bundle back", r.TakenBack)
	}
	for _, m := range r.Kept {
		fmt.Fprintf(w, "  %s %s for %s stays at %s: %s\n", m.Snap, m.Channel, m.Architecture, catalog.RevisionName(m.From), why)
	}
	for _, m := range r.KeptCharms {
		fmt.Fprintf(w, "  %s %s stays at %s: %s\n", m.Charm, m.Row(), catalog.RevisionName(m.From), why)
	}
	for _, m := range r.KeptTags {
		fmt.Fprintf(w, "  image %s:%s stays at %s: %s\n", m.Repository, m.Tag, digestName(m.From), why)
	}
	for _, m := range r.Held {
		fmt.Fprintf(w, "  %s %s for %s is held: 'release' moves it to %s\n", m.Snap, m.Channel, m.Row(), catalog.RevisionName(m.To))
	}
	for _, m := range r.HeldCharms {
		fmt.Fprintf(w, "  %s %s is held: 'release' moves it to %s\n", m.Charm, m.Row(), catalog.RevisionName(m.To))
	}
}

// HasTakeOver reports whether a name, or a store, is taken over.
func HasTakeOver(r *catalog.Report) bool {
	return len(r.TakeOvers) > 0 || slices.ContainsFunc(r.Updates, isStoreTakeOver)
}

// isStoreTakeOver reports whether the store of a brand becomes another brand's. A store of which only snaps are known has no brand.
func isStoreTakeOver(c difference.Change) bool {
	return c.What == difference.Store && c.Field == "brand-id" && c.Old != ""
}

// PrintTakeOvers prints what happens when names and stores are taken over.
func PrintTakeOvers(w io.Writer, r *catalog.Report) {
	for _, c := range r.Updates {
		if isStoreTakeOver(c) {
			fmt.Fprintf(w, "  take over the store %s: so far it is of brand %s, then it is of brand %s\n", c.Name, c.Old, c.New)
			fmt.Fprintf(w, "  devices of %s do not get its private snaps any more; devices of %s do\n", c.Old, c.New)
		}
	}
	for _, t := range r.TakeOvers {
		fmt.Fprintf(w, "  take over the name %s: so far it is the %s %s of publisher %s, then it is %s\n", t.Name, t.Kind, t.From, cli.Clean(t.Publisher), t.To)
		fmt.Fprintf(w, "  clients that have %s keep it and get no updates of it; new clients get %s\n", t.From, t.To)
		PrintRemoved(w, t.Removed)
	}
}
