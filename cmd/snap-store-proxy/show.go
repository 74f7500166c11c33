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

func newShow(dir *instance.Dir) *cobra.Command {
	var asJSON, chosen, image bool
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a snap, charm or image: its revisions and channels, and the bundles that brought them",
		Long: `Show a snap: its revisions, channels and components, and the bundle that brought
each revision. Show a charm or charm bundle: its revisions with their bases, images
and snaps, its resources, and its channels with the resources released there. With
--charm, NAME is a charm even if there is a snap of that name. Show the images of a
repository that belong to no charm, with their tags; with --image even if there is a
snap or charm of that name.`,
		Example: "  snap-store-proxy show jq\n  snap-store-proxy show jq --json\n  snap-store-proxy show postgresql\n  snap-store-proxy show library/postgres",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				records, err := in.Catalog.History(c.Context(), "")
				if err != nil {
					return err
				}
				if image || !chosen && cat.MeansImage(args[0]) {
					found, err := cat.FindRepository(args[0])
					if err != nil {
						return err
					}
					return showRepository(c.OutOrStdout(), overview.DescribeRepository(cat, found, records), asJSON)
				}
				if chosen || cat.MeansCharm(args[0]) {
					found, err := cat.Charm(args[0])
					if err != nil {
						return err
					}
					return showCharm(c.OutOrStdout(), overview.DescribeCharm(cat, found, records), asJSON)
				}
				found, err := cat.Snap(args[0])
				if err != nil {
					return err
				}
				return showSnap(c.OutOrStdout(), overview.DescribeSnap(cat, found, records), asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&chosen, "charm", false, "NAME is a charm or charm bundle")
	c.Flags().BoolVar(&image, "image", false, "NAME is the repository of images that belong to no charm")
	return c
}

func showSnap(w io.Writer, s *overview.SnapDetail, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, s)
	}
	fmt.Fprintf(w, "Name: %s\nSnap ID: %s\nTitle: %s\nPublisher: %s\n%s", s.Name, s.SnapID, cli.Clean(s.Title), cli.Clean(s.Publisher), cli.Line(s.Hold))
	if s.Store != "" {
		fmt.Fprintf(w, "Private to store: %s\nStores that have it: %s (devices of stores below and of friends get it, too)\n", s.Store, orNone(s.Stores))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Revision\tVersion\tArchitectures\tSize\tComponents\tImported\tFile")
	for _, r := range s.Revisions {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), strings.Join(r.Architectures, ","), cli.Bytes(r.Size),
			cli.Clean(strings.Join(r.Components, ", ")), r.ImportedAt, cli.Clean(r.File))
	}
	fmt.Fprintln(t, "\nChannel\tArchitecture\tRevision\tReleased")
	for _, c := range s.Channels {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", c.Channel, c.Architecture, c.Revision, cli.Clean(c.ReleasedAt))
	}
	return t.Flush()
}
