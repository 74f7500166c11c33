package push

import (
	"fmt"
	"os"
	"slices"

	"offlinestore/blob"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

func (p *push) rows() []changes.Row {
	rows := []changes.Row{}
	for _, f := range p.files {
		row := changes.NewRow(f, p.o.Plan, p.gapsOf(f))
		if p.o.Plan {
			row.PlanID = p.id
		}
		rows = append(rows, row)
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
	if t.Missing > free && p.in.Blobs.AreInFolder() { // others need space only on their way
		return fmt.Errorf("the bundles need %s more in %s: %w", cli.Bytes(t.Missing-free), p.dataDir, &blob.NoSpaceError{Path: p.dataDir, Need: t.Missing, Have: free})
	}
	if n := p.waiting(); n > 0 && t.Revisions+t.Moves+t.Others == 0 {
		cli.Note("Keeping %s: %s to copy, %s free.\n", cli.Count(n, "part"), cli.Bytes(t.Missing), cli.Bytes(free))
		return nil
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

// waiting returns the number of the parts whose bundles still wait for others.
func (p *push) waiting() (n int) {
	for _, f := range p.batch.Files {
		if f.Err == nil && f.Part != nil && len(f.Part.Missing) > 0 && !f.Part.Held {
			n++
		}
	}
	return n
}

func (p *push) printJSON() error { return cli.PrintJSON(p.w, p.rows()) }

// printPlan prints the plan of a push.
func (p *push) printPlan() error {
	if p.o.JSON {
		return p.printJSON()
	}
	for _, f := range p.batch.Files {
		if f.Err == nil {
			changes.PrintFile(p.w, f)
		}
	}
	free, err := blob.Free(p.dataDir)
	if err != nil {
		return err
	}
	if missing := cli.Bytes(p.batch.Totals().Missing); p.in.Blobs.AreInFolder() {
		fmt.Fprintf(p.w, "Disk needed: %s; free: %s. Nothing was changed.\n", missing, cli.Bytes(free))
	} else {
		fmt.Fprintf(p.w, "Needed: %s in %s. Nothing was changed.\n", missing, p.in.StorageName())
	}
	fmt.Fprintf(p.w, "Plan %s: with --expect %[1]s, a push does exactly this or fails.\n", p.id)
	if slices.ContainsFunc(p.batch.Files, func(f *importer.File) bool { return f.Err == nil && f.HasHead() }) {
		fmt.Fprintln(p.w, "Only the heads of the files and their lengths were checked: the import verifies the rest.")
	}
	return nil
}

// detailPlan prints the plan before the import, if details are wanted.
func (p *push) detailPlan() {
	for _, f := range p.batch.Files {
		if f.Err == nil && cli.Verbose() {
			changes.PrintFile(os.Stderr, f)
		}
	}
}
