package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
)

func newInspect() *cobra.Command {
	var asJSON bool
	var trusted []string
	var identities secrecy.Files
	c := &cobra.Command{
		Use:   "inspect FILE…",
		Short: "Show the contents, the signers and the missing dependencies of bundles",
		Long: `Show the contents of bundles, who signed them and when, and the dependencies of
their snaps and charms that none of the bundles holds. Only the head of a bundle is
read, so this is quick even for large ones; 'verify' reads everything.
` + cli.ExitHelp,
		Example: "  store-admin inspect jq-20261120T101500.tar.gz\n  store-admin inspect --json *.tar.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := readKeys(trusted)
			if err != nil {
				return err
			}
			return runInspect(c.Context(), c.OutOrStdout(), args, &opening{keys: keys, identities: identities}, asJSON)
		},
	}
	identities.AddFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed; repeatable")
	return c
}

// runInspect continues after a bad file, so that one run shows all good files and names all bad ones.
func runInspect(ctx context.Context, w io.Writer, files []string, o *opening, asJSON bool) error {
	files, err := expandFolders(files)
	if err != nil {
		return err
	}
	all, failed, err := readEach(ctx, files, func(f string) (*summary, error) { return inspect(ctx, f, o) })
	if err != nil {
		return err
	}
	if err := findMissing(all); err != nil {
		return err
	}
	var parts []*filePart
	for _, s := range all {
		if s.Part != nil {
			parts = append(parts, s.Part)
		}
	}
	setMissing(parts)
	if len(all) > 0 {
		if err := printSummaries(w, all, asJSON); err != nil {
			return err
		}
		if !asJSON {
			printMissing(w, parts)
		}
	}
	return badBundles(failed, len(files))
}

func printSummaries(w io.Writer, all []*summary, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, all)
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		s.print(w)
	}
	return nil
}

func inspect(ctx context.Context, file string, o *opening) (*summary, error) {
	r, err := o.open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := r.Head()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	p := r.predicate
	s := &summary{
		Snaps: []snapSummary{}, File: file, Digest: r.Digest().String(), Signer: r.key.ID(), Algorithm: r.key.Algorithm(), Trusted: r.trusted,
		Created: p.Created, Exporter: p.Exporter, Program: p.Program, Sequence: p.Sequence, Request: p.Request,
		Blobs: len(h.Payload), PayloadSize: h.PayloadSize(), Increment: p.Increment, Expected: len(h.Expected), Part: partOf(h), head: h,
	}
	for _, sn := range h.Snaps {
		s.Snaps = append(s.Snaps, summarise(sn, h.Revisions))
	}
	for _, c := range h.Charms {
		s.Charms = append(s.Charms, summariseCharm(c, h))
	}
	for _, w := range h.Withdrawals {
		s.Withdrawals = append(s.Withdrawals, w.WithdrawalConfig)
	}
	for _, st := range h.Stores {
		s.Stores = append(s.Stores, st.Store)
	}
	for _, r := range h.Repositories {
		s.Repositories = append(s.Repositories, summariseRepository(r, h))
	}
	for _, m := range h.Images {
		s.Images = append(s.Images, summariseImage(m))
	}
	for _, a := range h.Assertions {
		s.Assertions = append(s.Assertions, a.Ref.Name())
	}
	return s, nil
}

// findMissing adds to each bundle the dependencies of its snaps, charms and models that none of the bundles has.
func findMissing(all []*summary) error {
	var heads []*bundle.Head
	snaps := make(map[string]bool)
	for _, s := range all {
		heads = append(heads, s.head)
		for _, sn := range s.Snaps {
			snaps[sn.Name] = true
		}
	}
	together, err := closure.OfBundles(heads...)
	if err != nil {
		return err
	}
	for _, s := range all {
		part, err := closure.OfBundles(s.head)
		if err != nil {
			return fmt.Errorf("%s: %w", s.File, err)
		}
		s.gaps = together.GapsOf(part)
		s.Missing = []string{}
		for _, g := range s.gaps {
			s.Missing = append(s.Missing, missingName(g, snaps))
		}
		slices.Sort(s.Missing)
		s.Missing = slices.Compact(s.Missing)
	}
	return nil
}

// missingName returns the name of a gap in the JSON: only the name for a snap that is in none of the bundles.
func missingName(g closure.Gap, snaps map[string]bool) string {
	switch {
	case g.Kind == closure.KindSnap && !snaps[g.Name]:
		return g.Name
	case g.Kind == closure.KindSnap || g.Kind == closure.KindComponent:
		return g.Needs()
	case g.Kind == closure.KindResource:
		return "resource " + g.Name + " of charm " + g.NeededBy[0].Name
	}
	return string(g.Kind) + " " + g.Needs()
}
