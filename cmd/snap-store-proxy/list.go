package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newListPushedSnaps(dir *instance.Dir) *cobra.Command {
	var asJSON, long bool
	c := &cobra.Command{
		Use:     "list-pushed-snaps [NAME…]",
		Short:   "List the snaps of this store",
		Example: "  snap-store-proxy list-pushed-snaps --long\n  snap-store-proxy list-pushed-snaps jq hello",
		RunE: func(c *cobra.Command, args []string) error {
			return withSnapshot(c.Context(), dir, func(_ *instance.Instance, cat *catalog.Snapshot) error {
				if err := cat.SelectSnaps(args...); err != nil {
					return err
				}
				return listSnaps(c.OutOrStdout(), overview.Snaps(cat), asJSON, long)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&long, "long", false, "list the revisions, components and channels, too")
	return c
}

func listSnaps(w io.Writer, rows []overview.Snap, asJSON, long bool) error {
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	header := "Name\tStores"
	if long {
		header += "\tRevision\tVersion\tArchitectures\tSize\tChannels"
	}
	fmt.Fprintln(t, header)
	for _, s := range rows {
		if !long {
			fmt.Fprintf(t, "%s\t%s\n", s.Name, orNone(s.Stores))
			continue
		}
		for _, r := range s.Revisions {
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", s.Name, orNone(s.Stores), r.Revision, cli.Clean(r.Version),
				strings.Join(r.Architectures, ","), cli.Bytes(r.Size), strings.Join(r.Channels, ", "))
			for _, c := range r.Components {
				fmt.Fprintf(t, "%s+%s\t%s\t%d\t%s\t\t%s\twith revision %d\n", s.Name, c.Name, orNone(s.Stores), c.Revision, cli.Clean(c.Version), cli.Bytes(c.Size), r.Revision)
			}
		}
	}
	return t.Flush()
}

// orNone returns a list in words.
func orNone(list []string) string { return cmp.Or(strings.Join(list, ", "), "none") }
