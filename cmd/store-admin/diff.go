package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/difference"
)

func newDiff() *cobra.Command {
	var asJSON bool
	var trusted []string
	c := &cobra.Command{
		Use:     "diff A B",
		Short:   "Show the differences between bundles A and B",
		Long:    "Show what bundle B adds to, takes from and changes in A: revisions of snaps and\ncharms, components, resources, images, rows of the channel maps, assertions, icons\nand every other detail. Only the heads are read. A and B may also be folders\nwith bundles, whose contents are taken together. Exits with 0 whether they differ\nor not.\n" + cli.ExitHelp,
		Example: "  store-admin diff jq-20261113T101500.tar.gz jq-20261120T101500.tar.gz\n  store-admin diff week46 week47",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := readKeys(trusted)
			if err != nil {
				return err
			}
			return runDiff(c.Context(), c.OutOrStdout(), args, keys, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed both; repeatable")
	return c
}

func runDiff(ctx context.Context, w io.Writer, files []string, keys []bundle.PublicKey, asJSON bool) error {
	var sides [2]*bundle.Head
	for i, f := range files {
		var err error
		if sides[i], err = readSide(ctx, f, keys); err != nil {
			return err
		}
	}
	diffs, err := bundle.Compare(sides[0], sides[1])
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, diffs)
	}
	for _, d := range diffs {
		fmt.Fprintln(w, describeDifference(d))
	}
	if len(diffs) == 0 {
		fmt.Fprintln(w, "No difference.")
	}
	return nil
}

// readSide reads the head of a bundle, or of all bundles in a folder that is no layout.
func readSide(ctx context.Context, file string, keys []bundle.PublicKey) (*bundle.Head, error) {
	members, err := bundlesIn(file)
	if err != nil {
		return nil, err
	}
	var all []*summary
	for _, m := range members {
		s, err := inspect(ctx, m, keys)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *summary) int { return a.Created.Compare(b.Created) })
	if len(all) == 1 {
		return all[0].head, nil
	}
	var heads []*bundle.Head
	for _, s := range all {
		heads = append(heads, s.head)
	}
	return bundle.Merge(heads...), nil
}

// bundlesIn returns the archives in a folder. It returns anything else itself, layouts too.
func bundlesIn(file string) ([]string, error) {
	entries, err := os.ReadDir(file)
	if err != nil {
		return []string{file}, nil // it is a file, or opening it tells the reason
	}
	if _, err := os.Lstat(filepath.Join(file, "oci-layout")); err == nil {
		return []string{file}, nil
	}
	var out []string
	for _, e := range entries {
		for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
			if strings.HasSuffix(e.Name(), c.Extension()) && e.Name()[0] != '.' {
				out = append(out, filepath.Join(file, e.Name()))
				break
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no bundles in it: %w", file, bundle.ErrNotBundle)
	}
	return out, nil
}

// describeDifference returns the line for people: + for an addition of B, - for a loss, ~ for a change.
func describeDifference(d bundle.Difference) string {
	name := cmp.Or(d.Charm, d.Snap)
	sign, revision := "~", d.To
	if d.From < 0 {
		sign = "+"
	} else if d.To < 0 {
		sign, revision = "-", d.From
	}
	switch d.Kind {
	case bundle.DifferentWithdrawal:
		return fmt.Sprintf("%s %s withdrawn upstream", sign, name)
	case bundle.DifferentRevision:
		return fmt.Sprintf("%s %s revision %d (%s)", sign, name, revision, cli.Bytes(d.Size))
	case bundle.DifferentResource:
		s := fmt.Sprintf("%s %s resource %s revision %d", sign, name, d.Resource, revision)
		if d.Size > 0 { // an image has lines of its own
			s += " (" + cli.Bytes(d.Size) + ")"
		}
		return s
	case bundle.DifferentImage:
		image := d.Image
		if !strings.HasSuffix(d.ImageName, "@"+image) { // the operator has mapped the image
			image += " as " + cli.Clean(d.ImageName)
		}
		return fmt.Sprintf("%s %s image of resource %s revision %d (%s)", sign, name, d.Resource, revision, image)
	}
	if d.Kind != bundle.DifferentChannel {
		return describeChange(d.Change())
	}
	where := d.Architecture
	if d.Charm != "" {
		where = d.Base
	}
	if d.Epoch != "" {
		where += " with data of epoch " + d.Epoch
	}
	if d.Resource != "" {
		where += " " + d.Resource
	}
	return fmt.Sprintf("%s %s %s %s: %s -> %s", sign, name, d.Channel, where, describeState(d, d.From), describeState(d, d.To))
}

func describeChange(c difference.Change) string {
	sign := "~"
	switch {
	case c.Old == "" && c.New != "":
		sign = "+"
	case c.Old != "" && c.New == "":
		sign = "-"
	}
	return sign + " " + cli.ChangeLine(c)
}

// describeState returns the content of a row before or after.
func describeState(d bundle.Difference, revision int) string {
	if d.Resource != "" && revision == 0 {
		return "0" // an upload is missing; the channel is not closed
	}
	return rowState(revision)
}

func rowState(revision int) string {
	switch revision {
	case -1:
		return "none"
	case 0:
		return "closed"
	}
	return fmt.Sprint(revision)
}
