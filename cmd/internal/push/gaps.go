package push

import (
	"context"
	"fmt"
	"os"
	"slices"

	"offlinestore/catalog"
	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// warnOfGaps names the gaps that the planned files will leave, before they are imported. Gaps do not fail the push, because the next
// file may fill them. Nor does an error while looking for gaps.
func (p *push) warnOfGaps() {
	if p.batch.After == nil {
		return
	}
	gaps, err := p.gapsIn(p.batch.After)
	p.gaps = gaps
	printGaps(gaps, err)
}

// warnOfMoreGaps names the gaps that a failed file leaves, because its items are not there.
func (p *push) warnOfMoreGaps(ctx context.Context) {
	if !slices.ContainsFunc(p.batch.Files, func(f *importer.File) bool { return f.Err != nil && f.Planned != nil }) {
		return
	}
	cat, err := p.in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		printGaps(nil, err)
		return
	}
	gaps, err := p.gapsIn(cat)
	known := make(map[string]bool)
	for _, g := range p.gaps {
		known[g.String()] = true
	}
	printGaps(slices.DeleteFunc(gaps, func(g closure.Gap) bool { return known[g.String()] }), err)
}

func printGaps(gaps []closure.Gap, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "Warning: the missing dependencies of the bundles are unknown: %s\n", cli.Clean(err.Error()))
		return
	}
	for _, line := range cli.GapReport(gaps) {
		fmt.Fprintf(os.Stderr, "Warning: %s\n", cli.Clean(line))
	}
}

// gapsIn returns the gaps in cat of everything in the files.
func (p *push) gapsIn(cat *catalog.Snapshot) ([]closure.Gap, error) {
	gaps, err := p.in.Gaps(cat)
	return slices.DeleteFunc(gaps, func(g closure.Gap) bool {
		return !slices.ContainsFunc(p.batch.Files, func(f *importer.File) bool { return f.Leaves(g) })
	}), err
}

// gapsOf returns the sentences about the missing needs of a file.
func (p *push) gapsOf(f *importer.File) (lines []string) {
	for _, g := range p.gaps {
		if f.Leaves(g) {
			lines = append(lines, cli.GapLine(g))
		}
	}
	return lines
}
