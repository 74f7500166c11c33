package main

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

// warnOfGaps names what the pushed snaps and charms need and the store lacks now, or would lack after a plan. The push is right all
// the same: what is missing may be in the next file. So it is if the gaps can't be found.
func (p *push) warnOfGaps(ctx context.Context) {
	if !slices.ContainsFunc(p.batch.Files, (*importer.File).Changes) {
		return
	}
	gaps, err := p.gaps(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Warning: what the bundles need besides is not known: %s\n", cli.Clean(err.Error()))
		return
	}
	for _, line := range cli.GapReport(gaps) {
		fmt.Fprintf(os.Stderr, "Warning: %s\n", cli.Clean(line))
	}
}

// gaps returns the gaps that something in the files has.
func (p *push) gaps(ctx context.Context) ([]closure.Gap, error) {
	cat, err := p.after(ctx)
	if err != nil {
		return nil, err
	}
	gaps, err := p.in.Gaps(cat)
	return slices.DeleteFunc(gaps, func(g closure.Gap) bool { return !slices.ContainsFunc(g.NeededBy, p.brings) }), err
}

// after returns the catalogue as it is after the push, or would be.
func (p *push) after(ctx context.Context) (*catalog.Snapshot, error) {
	if p.o.plan {
		return p.batch.Preview(ctx)
	}
	return p.in.Catalog.LoadSnapshot(ctx)
}

// brings reports whether the files that are imported have brought something that needs something. Any of them may bring a model.
func (p *push) brings(n closure.Needer) bool {
	return slices.ContainsFunc(p.batch.Files, func(f *importer.File) bool {
		switch {
		case !f.Changes():
			return false
		case n.Kind == closure.KindSnap:
			return slices.Contains(f.Content.Snaps, n.Name)
		case n.Kind == closure.KindCharm:
			return slices.Contains(f.Content.Charms, n.Name)
		case n.Kind == closure.KindBundle:
			return slices.Contains(f.Content.Bundles, n.Name)
		}
		return n.Kind == closure.KindModel
	})
}
