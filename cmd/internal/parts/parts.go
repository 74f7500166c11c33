// Package parts has the commands about divided bundles of which parts are missing.
package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/instance"
)

// Opener calls a function with the open store.
type Opener func(context.Context, *instance.Dir, func(*instance.Instance) error) error

// ErrNotRemoved reports that the operator did not confirm a removal.
var ErrNotRemoved = errors.New("nothing was removed: it was not confirmed")

// New returns the commands. read opens the store for reading, and change to change it.
func New(dir *instance.Dir, read, change Opener) []*cobra.Command {
	return []*cobra.Command{newList(dir, read), newRemove(dir, change)}
}

func newList(dir *instance.Dir, open Opener) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list-parts",
		Short: "List the divided bundles that wait for parts",
		Long: `List the bundles that were exported in parts, and of which some parts are missing
here. The parts that are here stay, for as long as it takes: nothing of the bundle is
served before the last part is pushed. 'remove-parts' gives a bundle up.`,
		Example: "  snap-store-proxy list-parts\n  snap-store-proxy list-parts --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return open(c.Context(), dir, func(in *instance.Instance) error {
				list, err := in.WaitingBundles(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), list)
				}
				for i := range list {
					fmt.Fprintf(c.OutOrStdout(), "%s\n  set %s, signed by %s\n", Line(&list[i]), list[i].Set, list[i].Signer)
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// Line describes a bundle that waits for parts.
func Line(w *instance.WaitingBundle) string {
	text := fmt.Sprintf("[%s] signed %s: %d of %s since %s, %s", cli.Clean(w.Content), w.SignedAt.Format(time.DateOnly), len(w.Arrived), cli.Count(w.Parts, "part"),
		w.Since.Format(time.DateOnly), cli.Bytes(w.Bytes))
	if len(w.Missing) == 0 {
		return text + "; push any part again to import it"
	}
	return text + "; waits for " + changes.ListParts(w.Missing)
}

// PrintWaiting prints the lines of status about bundles that wait for parts.
func PrintWaiting(w io.Writer, list []instance.WaitingBundle) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "Waiting for parts:")
	for i := range list {
		fmt.Fprintf(w, "  %s\n", Line(&list[i]))
	}
}

func newRemove(dir *instance.Dir, open Opener) *cobra.Command {
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "remove-parts BUNDLE",
		Short: "Give up a divided bundle that waits for parts",
		Long: `Give up a bundle of which parts are missing. 'gc' then frees the space of the parts
that are here. BUNDLE is the name of the file of a part, or the beginning of the digest
of the bundle or of the set, as 'list-parts' prints it.`,
		Example: "  snap-store-proxy remove-parts week47.part1of4.tar.gz\n  snap-store-proxy remove-parts 3f9a01c2 --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return open(c.Context(), dir, func(in *instance.Instance) error {
				return remove(c.Context(), c.OutOrStdout(), in, args[0], yes, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func remove(ctx context.Context, w io.Writer, in *instance.Instance, name string, yes, asJSON bool) error {
	found, err := in.FindWaiting(ctx, name)
	if err != nil {
		return err
	}
	if !yes {
		fmt.Fprintln(os.Stderr, Line(found))
		yes, err := cli.Confirm("Give up the parts that are here?")
		if err != nil {
			return err
		}
		if !yes {
			return ErrNotRemoved
		}
	}
	g, err := in.RemoveWaiting(ctx, found)
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, map[string]any{"removed": found, "blobs": g.Blobs, "size": g.Size})
	}
	_, err = fmt.Fprintf(w, "Removed. 'snap-store-proxy gc' frees %s in %s.\n", cli.Bytes(g.Size), cli.Count(g.Blobs, "blob"))
	return err
}

// Hints returns the rows about parts.
func Hints() cli.Table {
	return cli.Table{
		cli.On(cli.Is(ErrNotRemoved), cli.Failed, ""),
		cli.On(cli.As[*instance.NotWaitingError], cli.Gaps, "'snap-store-proxy list-parts' lists the bundles that wait for parts"),
		cli.On(cli.As[*catalog.TooManySetsError], cli.Failed, "push the missing parts of some ('snap-store-proxy list-parts'), or give bundles up with 'snap-store-proxy remove-parts'"),
		cli.On(cli.As[*importer.JoinError], cli.Damaged, "give the set up with 'snap-store-proxy remove-parts', and export the bundle again: other parts are needed"),
		cli.On(cli.As[*instance.AmbiguousPartsError], cli.Usage, "name one of these sets"),
	}
}
