package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/catalog/overview"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newListPushedCharms(dir *instance.Dir) *cobra.Command {
	var asJSON, long bool
	c := &cobra.Command{
		Use:     "list-pushed-charms",
		Short:   "List the charms and charm bundles of this store",
		Example: "  snap-store-proxy list-pushed-charms --long",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSnapshot(c.Context(), dir, func(_ *instance.Instance, cat *catalog.Snapshot) error {
				rows := overview.Charms(cat)
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), rows)
				}
				return printCharms(c.OutOrStdout(), rows, long)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&long, "long", false, "list the revisions, channels and resources, too")
	return c
}

func printCharms(w io.Writer, rows []overview.Charm, long bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	if !long {
		fmt.Fprintln(t, "Name\tType\tStores")
		for _, c := range rows {
			fmt.Fprintf(t, "%s\t%s\t%s\n", c.Name, c.Type, overview.GlobalStore)
		}
		return t.Flush()
	}
	fmt.Fprintln(t, "Name\tType\tRevision\tVersion\tSize\tBases\tChannels")
	for _, c := range rows {
		for _, r := range c.Revisions {
			channels := make([]string, len(r.Channels))
			for i, ch := range r.Channels {
				channels[i], _, _ = strings.Cut(ch, " ")
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", c.Name, c.Type, r.Revision, cli.Clean(r.Version), cli.Bytes(r.Size),
				strings.Join(r.Bases, ", "), strings.Join(slices.Compact(channels), ", "))
			for _, i := range r.Images {
				fmt.Fprintf(t, "%s\t%s\t%d\t\t\t\t%s\n", c.Name, i.Type, i.Revision, i.ImageText())
			}
		}
		for _, r := range c.Resources {
			fmt.Fprintf(t, "%s.%s\t%s\t%d\t\t%s\t\t%s\n", c.Name, r.Name, r.Type, r.Revision, fileSize(&r), r.ImageText())
		}
	}
	return t.Flush()
}

// fileSize returns the size of a file. An image has none here, because other resources may share its layers.
func fileSize(r *overview.Resource) string {
	if r.Type == charm.ResourceImage {
		return ""
	}
	return cli.Bytes(r.Size)
}
