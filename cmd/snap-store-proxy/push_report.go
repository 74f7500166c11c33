package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
	"offlinestore/difference"
	"offlinestore/importer"
	"offlinestore/instance"
)

// push is one run of a push command.
type push struct {
	o       pushOptions
	w       io.Writer
	in      *instance.Instance
	batch   *importer.Batch
	dataDir string
	bar     *cli.Progress
	// files are in the order of the arguments, which the batch may change. reports prints their results in that order.
	files   []*importer.File
	reports *reports
	// unknown has the unknown signers that were named. naming protects it.
	unknown map[string]bool
	naming  sync.Mutex
	gaps    []closure.Gap // that the files leave, according to the plan
}

// pushOptions are the flags of the push commands.
type pushOptions struct {
	pushChannelMap, plan, json, acceptTime, allowUnsigned bool
	// takeOver lists names that are given to other snaps and charms than before, by the operator by. yes means that they are not asked.
	takeOver []string
	by       string
	// channels are the channels for snaps without a bundle.
	channels []string
	yes      bool
}

// report prints the result of a file, in the original's words. It names a bad file at once, because the other files
// continue. If there is only one file, the error of the whole run names it.
func (p *push) report(f *importer.File) {
	if f.Err != nil && len(p.batch.Files) > 1 {
		p.bar.Printf(os.Stderr, "snap-store-proxy: %s: %s\n", cli.Clean(f.Name), cli.Clean(p.reason(f.Err)))
	}
	if f.Err != nil || p.o.json {
		p.reports.add(f, "")
		return
	}
	c := content{f.Content}
	var b strings.Builder
	switch {
	case f.UpToDate:
		fmt.Fprintf(&b, "[%s] Already imported: nothing to do.\n", c)
	case !f.Done.IsEmpty():
	case f.Done.AlreadyImported && f.Missing > 0:
		fmt.Fprintf(&b, "[%s] Already imported: what was missing is here again.\n", c)
	default:
		fmt.Fprintf(&b, "[%s] Imported: nothing new in it.\n", c)
	}
	printReport(&b, c, f.Done)
	p.reports.add(f, b.String())
}

// reason returns the text of an error. A signer that several files have in common is named once.
func (p *push) reason(err error) string {
	var unknown *bundle.UnknownSignerError
	if !errors.As(err, &unknown) {
		return err.Error()
	}
	p.naming.Lock()
	defer p.naming.Unlock()
	if p.unknown[unknown.KeyID] {
		return "signed by the same key"
	}
	if p.unknown == nil {
		p.unknown = make(map[string]bool)
	}
	p.unknown[unknown.KeyID] = true
	return err.Error()
}

// printReport prints the changes of an import, in the original's words.
func printReport(w io.Writer, c content, r *catalog.Report) {
	updated := make(map[string]bool)
	for _, a := range r.AssertionItems {
		fmt.Fprintf(w, "[%s] Uploaded assertion\n", a)
	}
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
	for _, t := range r.TakeOvers {
		fmt.Fprintf(w, "[%s %s] The name was taken over from %s by %s.\n", t.Kind, t.Name, t.From, t.To)
	}
	for _, wd := range r.Withdrawals {
		fmt.Fprintf(w, "[%s %s] Withdrawn upstream (%s): its channels are closed.\n", wd.Kind, wd.Name, wd.Reason)
	}
	for _, m := range r.ImageMoves {
		fmt.Fprintf(w, "[charm %s] The image of resource %s revision %d is %s now, and %s no more.\n", m.Charm, m.Resource, m.Revision, m.To, m.From)
	}
	if r.Images > 0 {
		fmt.Fprintf(w, "[images] Uploaded %s\n", cli.Count(r.Images, "image manifest"))
	}
	printUpdates(w, c, r)
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

// printUpdates prints the changes of things that were there before. New assertions are mentioned only if they come without a revision.
func printUpdates(w io.Writer, c content, r *catalog.Report) {
	for _, u := range r.Updates {
		title := "assertions"
		switch {
		case u.Snap != "":
			title = "snap " + u.Snap
		case u.Charm != "":
			title = c.kind(u.Charm) + " " + u.Charm
		case u.What == difference.Manifest:
			title = "images"
		}
		fmt.Fprintf(w, "[%s] %s\n", title, cli.ChangeText(u))
	}
	if n := r.NewAssertions(); n > 0 && len(r.SnapRevisions)+len(r.CharmRevisions)+len(r.AssertionItems) == 0 {
		fmt.Fprintf(w, "[assertions] Uploaded %s\n", cli.Count(n, "assertion"))
	}
}

func printKept(w io.Writer, kind, name, row string, from, to int) {
	fmt.Fprintf(w, "[%s %s] %s stays at %s: a newer bundle has set it (--push-channel-map would set it to %s).\n", kind, name, row, revisionName(from), revisionName(to))
}
