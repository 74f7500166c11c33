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

// warnOfGaps names the gaps of the pushed snaps and charms after the push, or after a plan. Gaps do not fail the push,
// because the next file may fill them. Nor does an error while looking for gaps.
func (p *push) warnOfGaps(ctx context.Context) {
	if !slices.ContainsFunc(p.batch.Files, (*importer.File).Changes) {
		return
	}
	gaps, err := p.gaps(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Warning: the missing dependencies of the bundles are unknown: %s\n", cli.Clean(err.Error()))
		return
	}
	for _, line := range cli.GapReport(gaps) {
		fmt.Fprintf(os.Stderr, "Warning: %s\n", cli.Clean(line))
	}
}

// gaps returns the gaps of everything in the files.
func (p *push) gaps(ctx context.Context) ([]closure.Gap, error) {
	cat, err := p.after(ctx)
	if err != nil {
		return nil, err
	}
	gaps, err := p.in.Gaps(cat)
	return slices.DeleteFunc(gaps, func(g closure.Gap) bool {
		unapproved := g.Kind == closure.KindApproval && p.brings(closure.Needer{Kind: closure.KindSnap, Name: g.Name})
		return !unapproved && !slices.ContainsFunc(g.NeededBy, p.brings)
	}), err
}

// after returns the catalogue after the push. For a plan, it returns the catalogue that the push would make.
func (p *push) after(ctx context.Context) (*catalog.Snapshot, error) {
	if p.o.plan {
		return p.batch.Preview(ctx)
	}
	return p.in.Catalog.LoadSnapshot(ctx)
}

// brings reports whether the imported files contain the item that needs something. Any of them may contain a model or a
// validation set.
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
		return n.Kind == closure.KindModel || n.Kind == closure.KindSet
	})
}
