package changes

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/difference"
	"offlinestore/importer"
	"offlinestore/snap"
)

// PrintResult prints the result of a file that was imported.
func PrintResult(w io.Writer, f *importer.File) {
	c := f.Content
	if f.Part != nil && !printPart(w, f) {
		return
	}
	switch {
	case f.UpToDate && f.Done.TakenBack > 0:
		fmt.Fprintf(w, "[%s] Rollback %d took it back: nothing to do. --push-channel-map makes its channels count again.\n", c, f.Done.TakenBack)
	case f.UpToDate:
		fmt.Fprintf(w, "[%s] Already imported: nothing to do.\n", c)
	case !f.Done.IsEmpty():
	case f.Done.AlreadyImported && f.Missing > 0:
		fmt.Fprintf(w, "[%s] Already imported: what was missing is here again.\n", c)
	default:
		fmt.Fprintf(w, "[%s] Imported: nothing new in it.\n", c)
	}
	PrintDone(w, c, f.Done)
}

// PrintDone prints the changes of an import, in the original's words.
func PrintDone(w io.Writer, c importer.Content, r *catalog.Report) {
	updated := make(map[string]bool)
	for _, a := range r.AssertionItems {
		fmt.Fprintf(w, "[%s] Uploaded assertion\n", a)
	}
	printSnapRevisions(w, c, r)
	for _, m := range r.SnapMoves {
		updated["snap "+m.Snap] = true
	}
	for _, rev := range r.CharmRevisions {
		fmt.Fprintf(w, "[%s %s] Uploaded %[1]s blob for %[2]s revision %d\n", c.CharmKind(rev.Charm), rev.Charm, rev.Revision)
	}
	for _, res := range r.CharmResources {
		fmt.Fprintf(w, "[charm %s] Uploaded resource %s revision %d\n", res.Charm, res.Resource, res.Revision)
	}
	for _, m := range r.CharmMoves {
		updated[c.CharmKind(m.Charm)+" "+m.Charm] = true
	}
	for _, t := range r.TakeOvers {
		fmt.Fprintf(w, "[%s %s] The name was taken over from %s by %s.\n", t.Kind, t.Name, t.From, t.To)
	}
	for _, wd := range r.Withdrawals {
		fmt.Fprintf(w, "[%s %s] Withdrawn upstream (%s): its channels are closed.\n", wd.Kind, wd.Name, wd.Reason)
	}
	for _, m := range r.ImageMoves {
		fmt.Fprintf(w, "[charm %s] The image of resource %s revision %d is %s now, and %s no more.\n", m.Charm, m.Resource, m.Revision, m.To, m.From)
	}
	printImages(w, r)
	printStores(w, c, r)
	printUpdates(w, c, r)
	for _, g := range c.Groups() {
		for _, name := range g.Names {
			if updated[g.Kind+" "+name] {
				fmt.Fprintf(w, "[%s %s] Channelmaps were successfully updated.\n", g.Kind, name)
			}
		}
	}
	printRest(w, c, r)
	if hasAdmin(c) && pushesStores(r) {
		fmt.Fprintln(w, "Store admin account imported successfully.")
	}
}

// printSnapRevisions prints the new revisions of snaps, in the words of push-store if a store came with them.
func printSnapRevisions(w io.Writer, c importer.Content, r *catalog.Report) {
	uploaded := "[snap %s] Uploaded snap blob and assertions for %[1]s revision %d\n"
	if len(c.Stores) > 0 {
		uploaded = "Uploaded snap and assertions for %s revision %d\n"
	}
	for _, rev := range r.SnapRevisions {
		fmt.Fprintf(w, uploaded, rev.Snap, rev.Revision)
	}
}

// printImages prints the new images, and the tags that name others than before.
func printImages(w io.Writer, r *catalog.Report) {
	if r.Images > 0 {
		fmt.Fprintf(w, "[images] Uploaded %s\n", cli.Count(r.Images, "image manifest"))
	}
	for _, i := range r.RepositoryImages {
		fmt.Fprintf(w, "[image %s] Uploaded image %s\n", i.Repository, i.Digest)
	}
	for _, m := range r.TagMoves {
		fmt.Fprintf(w, "[image %s] Tag %s names %s now.\n", m.Repository, m.Tag, digestName(m.To))
	}
}

// digestName returns the digest of an image, or none.
func digestName(d digest.Digest) string { return cmp.Or(d.String(), "none") }

// printStores prints the stores of brands of an import that changed something about them, in the words of the original's push-store.
func printStores(w io.Writer, c importer.Content, r *catalog.Report) {
	if len(c.Stores) == 0 || !pushesStores(r) {
		return
	}
	for _, s := range topDown(c.Stores) {
		fmt.Fprintf(w, "Pushing store %s\nPushing store assertions\n", cli.Clean(s.Name))
	}
	fmt.Fprintln(w, "Updating store allowlists")
}

// pushesStores reports whether an import has changed something that devices of stores see. A superseded export has not.
func pushesStores(r *catalog.Report) bool {
	return len(r.SnapRevisions) > 0 || slices.ContainsFunc(r.Updates, func(c difference.Change) bool {
		return c.What == difference.Store || c.What == difference.StoreSnap
	})
}

// topDown returns stores with each after the one above it.
func topDown(stores []snap.Store) []snap.Store {
	parents, depth := make(map[string]string, len(stores)), make(map[string]int, len(stores))
	for i := range stores {
		parents[stores[i].ID] = stores[i].Parent
	}
	for id := range parents { // a bundle has no circles
		for above := parents[id]; above != "" && depth[id] <= len(stores); above = parents[above] {
			depth[id]++
		}
	}
	return slices.SortedStableFunc(slices.Values(stores), func(a, b snap.Store) int { return cmp.Compare(depth[a.ID], depth[b.ID]) })
}

func hasAdmin(c importer.Content) bool {
	for i := range c.Stores {
		if c.Stores[i].AdminID != "" {
			return true
		}
	}
	return false
}

// printUpdates prints the changes of things that were there before. New assertions are mentioned only if they come without a revision.
func printUpdates(w io.Writer, c importer.Content, r *catalog.Report) {
	for _, u := range r.Updates {
		title := "assertions"
		switch {
		case u.Snap != "":
			title = "snap " + u.Snap
		case u.Charm != "":
			title = c.CharmKind(u.Charm) + " " + u.Charm
		case u.What == difference.Manifest, u.What == difference.Repository:
			title = "images"
		case u.What == difference.Store:
			title = "stores"
		}
		fmt.Fprintf(w, "[%s] %s\n", title, cli.ChangeText(u))
	}
	if n := r.NewAssertions(); n > 0 && len(r.SnapRevisions)+len(r.CharmRevisions)+len(r.AssertionItems) == 0 {
		fmt.Fprintf(w, "[assertions] Uploaded %s\n", cli.Count(n, "assertion"))
	}
}

// printRest prints the rows that an import did not move.
func printRest(w io.Writer, c importer.Content, r *catalog.Report) {
	why := "a newer bundle has set it"
	if r.TakenBack > 0 {
		why = fmt.Sprintf("rollback %d took this bundle back", r.TakenBack)
	}
	kept := func(kind, name, row string, from, to int) {
		fmt.Fprintf(w, "[%s %s] %s stays at %s: %s (--push-channel-map would set it to %s).\n", kind, name, row, catalog.RevisionName(from), why, catalog.RevisionName(to))
	}
	held := func(kind, name, row string, to int) {
		fmt.Fprintf(w, "[%s %s] %s is held: 'release' moves it to %s.\n", kind, name, row, catalog.RevisionName(to))
	}
	for _, m := range r.Kept {
		kept("snap", m.Snap, m.Channel+" for "+m.Architecture, m.From, m.To)
	}
	for _, m := range r.KeptCharms {
		kept(c.CharmKind(m.Charm), m.Charm, m.Row(), m.From, m.To)
	}
	for _, m := range r.Held {
		held("snap", m.Snap, m.Channel+" for "+m.Row(), m.To)
	}
	for _, m := range r.KeptTags {
		fmt.Fprintf(w, "[image %s] %s stays at %s: %s (--push-channel-map would set it to %s).\n", m.Repository, m.Tag, digestName(m.From), why, digestName(m.To))
	}
	for _, m := range r.HeldCharms {
		held(c.CharmKind(m.Charm), m.Charm, m.Row(), m.To)
	}
}
