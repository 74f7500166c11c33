package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
	"offlinestore/difference"
	"offlinestore/wanted"
)

func newDiff() *cobra.Command {
	var asJSON bool
	var trusted []string
	var identities secrecy.Files
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Show the differences between A and B: bundles, locks, wanted.yamls and receipts",
		Long: `Show what B adds to, takes from and changes in A: revisions of snaps and charms,
components, resources, images, rows of the channel maps, assertions, icons and every
other detail. A and B may be bundles, folders with bundles, whose contents are taken
together, a wanted.lock, a wanted.yaml, or a receipt of a store. Only the heads of bundles
are read. Exits with 0 whether they differ or not.

A wanted.yaml is compared by what it asks for: - is asked for in A, and B does not have it;
+ is in B, and A does not name it, such as a dependency. A receipt is compared by the
contents of channels, and by the files that the store has. Its signature is only verified
if a receiver has its key.
` + cli.ExitHelp,
		Example: "  store-admin diff jq-20261113T101500.tar.gz jq-20261120T101500.tar.gz\n  store-admin diff week46 week47\n  store-admin diff wanted.yaml ship-7.receipt\n  store-admin diff wanted.lock week48.tar",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := readKeys(trusted)
			if err != nil {
				return err
			}
			return runDiff(c.Context(), c.OutOrStdout(), args, &opening{keys: keys, identities: identities}, asJSON)
		},
	}
	identities.AddFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed both; repeatable")
	return c
}

func runDiff(ctx context.Context, w io.Writer, files []string, o *opening, asJSON bool) error {
	var sides [2]wanted.Side
	for i, f := range files {
		var err error
		if sides[i], err = readAnySide(ctx, f, o); err != nil {
			return err
		}
	}
	diffs, err := wanted.Compare(sides[0], sides[1])
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, diffs)
	}
	return printDifferences(w, diffs)
}

// printDifferences prints a line for each difference.
func printDifferences(w io.Writer, diffs []bundle.Difference) error {
	for _, d := range diffs {
		if _, err := fmt.Fprintln(w, describeDifference(d)); err != nil {
			return err
		}
	}
	if len(diffs) == 0 {
		fmt.Fprintln(w, "No difference.")
	}
	return nil
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
	case wanted.DifferentWish:
		return sign + " " + describeWish(&d)
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

// describeWish describes an item that something asks for.
func describeWish(d *bundle.Difference) string {
	var words []string
	switch {
	case d.Field != "":
		words = append(words, d.Field, cli.Clean(d.Name))
	case d.ImageName != "":
		words = append(words, "image", cli.Clean(d.ImageName))
	case d.Charm != "":
		words = append(words, "charm", d.Charm)
	default:
		words = append(words, "snap", d.Snap)
	}
	if d.Revision > 0 {
		words = append(words, fmt.Sprint("revision ", d.Revision))
	}
	for _, w := range []string{d.Channel, d.Base, d.Architecture} {
		if w != "" {
			words = append(words, w)
		}
	}
	what := "wanted"
	if d.Channel+d.Field == "" && d.Revision == 0 {
		what = "not named in the wanted.yaml"
	}
	return strings.Join(words, " ") + ": " + what
}
