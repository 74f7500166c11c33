package main

import (
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

func newListPushedImages(dir *instance.Dir) *cobra.Command {
	var asJSON, long bool
	c := &cobra.Command{
		Use:     "list-pushed-images",
		Short:   "List the images of this store that belong to no charm",
		Long:    "List the images of this store that belong to no charm: the names by which clients pull\nthem, and their digests. 'list-pushed-charms --long' has the images of charms.",
		Example: "  snap-store-proxy list-pushed-images\n  snap-store-proxy list-pushed-images --long",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSnapshot(c.Context(), dir, func(_ *instance.Instance, cat *catalog.Snapshot) error {
				rows := overview.Repositories(cat)
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), rows)
				}
				return printRepositories(c.OutOrStdout(), rows, long)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&long, "long", false, "list the platforms, sizes and sources, too")
	return c
}

func printRepositories(w io.Writer, rows []overview.Repository, long bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	header := "Name\tTags\tDigest"
	if long {
		header += "\tPlatforms\tSize\tSource"
	}
	fmt.Fprintln(t, header)
	for _, r := range rows {
		for _, i := range r.Images {
			fmt.Fprintf(t, "%s\t%s\t%s", r.Name, orNone(i.Tags), i.Digest)
			if long {
				fmt.Fprintf(t, "\t%s\t%s\t%s", strings.Join(i.Platforms, ","), cli.Bytes(i.Size), cli.Clean(i.Source))
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
}

func showRepository(w io.Writer, r *overview.RepositoryDetail, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, r)
	}
	fmt.Fprintf(w, "Name: %s\nType: images that belong to no charm\n\n", r.Name)
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Tags\tDigest\tPlatforms\tSize\tSource\tImported\tFile")
	for _, i := range r.Images {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", orNone(i.Tags), i.Digest, strings.Join(i.Platforms, ","), cli.Bytes(i.Size),
			cli.Clean(i.Source), i.ImportedAt, cli.Clean(i.File))
	}
	return t.Flush()
}
