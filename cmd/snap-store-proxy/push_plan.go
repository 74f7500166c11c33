package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// filePlan is a file's line in the JSON of the push commands.
type filePlan struct {
	File       string   `json:"file"`
	Bundle     string   `json:"bundle,omitempty"`
	Signer     string   `json:"signer,omitempty"`
	Snaps      []string `json:"snaps"`
	Charms     []string `json:"charms,omitempty"`
	Bundles    []string `json:"bundles,omitempty"`
	Images     int      `json:"images,omitempty"`
	Assertions []string `json:"assertions,omitempty"`
	// Withdrawn are the names of snaps and charms that are withdrawn upstream.
	Withdrawn []string        `json:"withdrawn,omitempty"`
	Payload   int64           `json:"payload-size"`
	Copy      int64           `json:"bytes-to-copy"`
	Plan      *catalog.Report `json:"plan,omitempty"`
	Result    *catalog.Report `json:"result,omitempty"`
	// Missing has a sentence about each thing that the file needs and the store will not have.
	Missing []string `json:"missing,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func (p *push) rows() []filePlan {
	rows := []filePlan{}
	for _, f := range p.files {
		r := filePlan{File: f.Name, Bundle: f.Digest.String(), Signer: f.Signer, Snaps: append([]string{}, f.Content.Snaps...), Charms: f.Content.Charms, Bundles: f.Content.Bundles,
			Images: f.Content.Images, Withdrawn: f.Content.Withdrawn, Assertions: f.Content.Assertions, Payload: f.Payload, Copy: f.Missing, Missing: p.gapsOf(f), Result: f.Done}
		if p.o.plan {
			r.Plan = f.Planned
		}
		if f.Err != nil {
			r.Error = f.Err.Error()
		}
		rows = append(rows, r)
	}
	return rows
}

// announce prints the sum of the changes. It returns an error if the disk cannot hold them.
func (p *push) announce() error {
	t := p.batch.Totals()
	free, err := blob.Free(p.dataDir)
	if err != nil {
		return err
	}
	if t.Missing > free {
		return fmt.Errorf("the bundles need %s more in %s: %w", cli.Bytes(t.Missing-free), p.dataDir, &blob.NoSpaceError{Path: p.dataDir, Need: t.Missing, Have: free})
	}
	if t.Payload+int64(t.Revisions+t.Moves+t.Others) > 0 {
		changes := cli.Count(t.Revisions, "revision") + " and " + cli.Count(t.Moves, "channel change")
		if t.Others > 0 {
			changes = fmt.Sprintf("%s, %s and %s", cli.Count(t.Revisions, "revision"), cli.Count(t.Moves, "channel change"), cli.Count(t.Others, "other change"))
		}
		cli.Note("Importing %s: %s to copy, %s free.\n", changes, cli.Bytes(t.Missing), cli.Bytes(free))
	}
	return nil
}

func (p *push) printJSON() error { return cli.PrintJSON(p.w, p.rows()) }

// printPlan prints the plan of a push.
func (p *push) printPlan() error {
	if p.o.json {
		return p.printJSON()
	}
	for _, f := range p.batch.Files {
		if f.Err == nil {
			p.printFilePlan(p.w, f)
		}
	}
	free, err := blob.Free(p.dataDir)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.w, "Disk needed: %s; free: %s. Nothing was changed.\n", cli.Bytes(p.batch.Totals().Missing), cli.Bytes(free))
	if slices.ContainsFunc(p.batch.Files, func(f *importer.File) bool { return f.Err == nil && !f.Unsigned }) {
		fmt.Fprintln(p.w, "Only the heads of the files and their lengths were checked: the import verifies the rest.")
	}
	return nil
}

// detailPlan prints the plan before the import, if details are wanted.
func (p *push) detailPlan() {
	for _, f := range p.batch.Files {
		if f.Err == nil && cli.Verbose() {
			p.printFilePlan(os.Stderr, f)
		}
	}
}

func (p *push) printFilePlan(w io.Writer, f *importer.File) {
	vouched := "signed by " + f.Signer
	switch f.Signer {
	case catalog.Unsigned:
		vouched = "unsigned"
	case catalog.OwnSignatures:
		vouched = "verified by its own signatures"
	case catalog.StoreSignatures:
		vouched = "vouched for by the store alone"
	}
	fmt.Fprintf(w, "%s (%s), %s:\n", cli.Clean(f.Name), content{f.Content}, vouched)
	if f.UpToDate {
		fmt.Fprintln(w, "  already imported: nothing to do")
		return
	}
	printChanges(w, content{f.Content}, f.Planned)
	if f.Unsigned || f.Signer == catalog.StoreSignatures {
		fmt.Fprintln(w, "  copy nothing: its blobs were already copied to read its content")
		return
	}
	fmt.Fprintf(w, "  copy %s of %s\n", cli.Bytes(f.Missing), cli.Bytes(f.Payload))
}
