package main

import (
	"fmt"
	"os"
	"strings"

	"offlinestore/blob"
	"offlinestore/cmd/internal/ui"
	"offlinestore/store"
)

// filePlan is a file's line in the JSON of push-snap.
type filePlan struct {
	File    string        `json:"file"`
	Bundle  string        `json:"bundle,omitempty"`
	Signer  string        `json:"signer,omitempty"`
	Snaps   []string      `json:"snaps"`
	Payload int64         `json:"payload-size"`
	Copy    int64         `json:"bytes-to-copy"`
	Plan    *store.Report `json:"plan,omitempty"`
	Result  *store.Report `json:"result,omitempty"`
	Error   string        `json:"error,omitempty"`
}

func (p *push) rows() []filePlan {
	rows := []filePlan{}
	for _, f := range p.files {
		r := filePlan{File: f.Name, Bundle: f.digest.String(), Signer: f.signer, Snaps: append([]string{}, f.names...), Payload: f.payload, Copy: f.missing, Result: f.done}
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
			revisions += len(f.planned.Revisions)
			moves += len(f.planned.Moves)
			missing += f.missing
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
		return fmt.Errorf("the bundles need %s more in %s: %w", ui.Bytes(missing-free), p.dataDir, &blob.NoSpaceError{Path: p.dataDir, Need: missing, Have: free})
	}
	if p.payload() > 0 {
		fmt.Fprintf(os.Stderr, "Importing %s and %s: %s to copy, %s free.\n", ui.Count(revisions, "revision"), ui.Count(moves, "channel change"), ui.Bytes(missing), ui.Bytes(free))
	}
	return nil
}

func (p *push) printJSON() error { return ui.PrintJSON(p.w, p.rows()) }

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
	fmt.Fprintf(p.w, "Disk needed: %s; free: %s. Nothing was changed.\n", ui.Bytes(missing), ui.Bytes(free))
	return nil
}

func (p *push) printFilePlan(f *pushFile) {
	fmt.Fprintf(p.w, "%s (%s), signed by %s:\n", ui.Clean(f.Name), strings.Join(f.names, ", "), f.signer)
	if p.skips(f) {
		fmt.Fprintln(p.w, "  already imported: nothing to do")
		return
	}
	for _, r := range f.planned.Revisions {
		fmt.Fprintf(p.w, "  add %s revision %d (%s)\n", r.Snap, r.Revision, ui.Bytes(r.Size))
	}
	for _, m := range f.planned.Moves {
		fmt.Fprintf(p.w, "  %s %s for %s: %s -> %s\n", m.Snap, m.Channel, m.Architecture, revisionName(m.From), revisionName(m.To))
	}
	for _, m := range f.planned.Kept {
		fmt.Fprintf(p.w, "  %s %s for %s stays at %s: set by a newer bundle\n", m.Snap, m.Channel, m.Architecture, revisionName(m.From))
	}
	if len(f.planned.Revisions)+len(f.planned.Moves)+len(f.planned.Kept) == 0 {
		fmt.Fprintln(p.w, "  nothing new")
	}
	fmt.Fprintf(p.w, "  copy %s of %s\n", ui.Bytes(f.missing), ui.Bytes(f.payload))
}
