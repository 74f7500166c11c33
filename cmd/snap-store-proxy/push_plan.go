package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// filePlan is a file's line in the JSON of the push commands.
type filePlan struct {
	File    string          `json:"file"`
	Bundle  string          `json:"bundle,omitempty"`
	Signer  string          `json:"signer,omitempty"`
	Snaps   []string        `json:"snaps"`
	Charms  []string        `json:"charms,omitempty"`
	Bundles []string        `json:"bundles,omitempty"`
	Images  int             `json:"images,omitempty"`
	Payload int64           `json:"payload-size"`
	Copy    int64           `json:"bytes-to-copy"`
	Plan    *catalog.Report `json:"plan,omitempty"`
	Result  *catalog.Report `json:"result,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func (p *push) rows() []filePlan {
	rows := []filePlan{}
	for _, f := range p.files {
		r := filePlan{File: f.Name, Bundle: f.digest.String(), Signer: f.signer, Snaps: append([]string{}, f.content.Snaps...), Charms: f.content.Charms, Bundles: f.content.Bundles,
			Images: f.content.Images, Payload: f.payload, Copy: f.missing, Result: f.done}
		if p.o.plan {
			r.Plan = f.planned
		}
		if f.err != nil {
			r.Error = f.err.Error()
		}
		rows = append(rows, r)
	}
	return rows
}

// totals sums up what the good files bring.
func (p *push) totals() (revisions, moves int, missing int64) {
	for _, f := range p.files {
		if f.err == nil && !p.skips(f) {
			r, m := changes(f.planned)
			revisions, moves, missing = revisions+r, moves+m, missing+f.missing
		}
	}
	return revisions, moves, missing
}

// announce says what will be done, and refuses what the disk can't hold before it is begun.
func (p *push) announce() error {
	revisions, moves, missing := p.totals()
	free, err := blob.Free(p.dataDir)
	if err != nil {
		return err
	}
	if missing > free {
		return fmt.Errorf("the bundles need %s more in %s: %w", cli.Bytes(missing-free), p.dataDir, &blob.NoSpaceError{Path: p.dataDir, Need: missing, Have: free})
	}
	if p.payload() > 0 {
		fmt.Fprintf(os.Stderr, "Importing %s and %s: %s to copy, %s free.\n", cli.Count(revisions, "revision"), cli.Count(moves, "channel change"), cli.Bytes(missing), cli.Bytes(free))
	}
	return nil
}

// planInOrder sorts the files by the order in which they were signed, and plans each of them against what the one before leaves. Files
// that can't be imported come last.
func (p *push) planInOrder(ctx context.Context) error {
	slices.SortStableFunc(p.files, func(a, b *pushFile) int {
		switch {
		case a.err == nil && b.err == nil:
			return a.candidate.Origin().Compare(b.candidate.Origin())
		case a.err == nil:
			return -1
		case b.err == nil:
			return 1
		}
		return 0
	})
	var files []*pushFile
	var candidates []importer.Candidate
	for _, f := range p.files {
		if f.err == nil {
			files, candidates = append(files, f), append(candidates, f.candidate)
		}
	}
	plan, err := p.im.PlanAll(ctx, candidates)
	if err != nil {
		return err
	}
	follows := false
	for i, f := range files {
		imported := f.planned.AlreadyImported
		if f.follows = follows; !p.o.plan {
			f.candidate = importer.Candidate{}
		}
		if f.err = plan[i].Err; f.err != nil {
			p.fail(f)
			continue
		}
		if f.planned = plan[i].Report; f.unsigned == nil {
			f.planned.AlreadyImported = imported
		}
		_, moves := changes(f.planned)
		follows = follows || moves > 0
	}
	return nil
}

func (p *push) printJSON() error { return cli.PrintJSON(p.w, p.rows()) }

// printPlan prints what a push would do.
func (p *push) printPlan() error {
	if p.o.json {
		return p.printJSON()
	}
	for _, f := range p.files {
		if f.err == nil {
			p.printFilePlan(f)
		}
	}
	_, _, missing := p.totals()
	free, err := blob.Free(p.dataDir)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.w, "Disk needed: %s; free: %s. Nothing was changed.\n", cli.Bytes(missing), cli.Bytes(free))
	return nil
}

func (p *push) printFilePlan(f *pushFile) {
	vouched := "signed by " + f.signer
	if f.unsigned != nil {
		vouched = "unsigned"
	}
	fmt.Fprintf(p.w, "%s (%s), %s:\n", cli.Clean(f.Name), &f.content, vouched)
	if p.skips(f) {
		fmt.Fprintln(p.w, "  already imported: nothing to do")
		return
	}
	printChanges(p.w, &f.content, f.planned)
	if f.unsigned != nil {
		fmt.Fprintln(p.w, "  copy nothing: its blobs were copied to find out what is in it")
		return
	}
	fmt.Fprintf(p.w, "  copy %s of %s\n", cli.Bytes(f.missing), cli.Bytes(f.payload))
}
