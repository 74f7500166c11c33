package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
)

func showCharm(w io.Writer, c *overview.CharmDetail, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, c)
	}
	fmt.Fprintf(w, "Name: %s\nType: %s\nCharm ID: %s\nTitle: %s\nPublisher: %s\n%s\n", c.Name, c.Type, c.ID, cli.Clean(c.Title), cli.Clean(c.Publisher), cli.Line(c.Hold))
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	fmt.Fprintln(t, "Revision\tVersion\tBases\tSize\tImages and snaps\tImported\tFile")
	for _, r := range c.Revisions {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), strings.Join(r.Bases, ", "), cli.Bytes(r.Size),
			cli.Clean(strings.Join(slices.Concat(r.Images, r.Snaps), ", ")), r.ImportedAt, cli.Clean(r.File))
	}
	if len(c.Resources) > 0 {
		fmt.Fprintln(t, "\nResource\tRevision\tType\tSize\tImage\tImported\tFile")
	}
	for _, r := range c.Resources {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Revision, r.Type, fileSize(&r.Resource), cli.Clean(r.ImageText()), r.ImportedAt, cli.Clean(r.File))
	}
	fmt.Fprintln(t, "\nChannel\tBase\tRevision\tReleased\tResources")
	for _, r := range c.Channels {
		revision := fmt.Sprint(r.Revision)
		if r.Revision == 0 {
			revision = "closed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Channel, r.Base, revision, cli.Clean(r.ReleasedAt), strings.Join(r.Resources, ", "))
	}
	return t.Flush()
}
