package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newShow(dir *instance.Dir) *cobra.Command {
	var asJSON, chosen bool
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a snap or charm: its revisions and channels, and the bundles that brought them",
		Long: `Show a snap: its revisions, channels and components, and the bundle that brought
each revision. Show a charm or charm bundle: its revisions with their bases, images
and snaps, its resources, and its channels with the resources released there. With
--charm, NAME is a charm even if there is a snap of that name.`,
		Example: "  snap-store-proxy show jq\n  snap-store-proxy show jq --json\n  snap-store-proxy show postgresql",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				shown, err := showItem(c.Context(), in, cat, args[0], chosen)
				if err != nil {
					return err
				}
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), shown)
				}
				return shown.print(c.OutOrStdout())
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&chosen, "charm", false, "NAME is a charm or charm bundle")
	return c
}

// showItem returns the result for a snap, or for a charm if no snap has the name or the operator asks for a charm.
func showItem(ctx context.Context, in *instance.Instance, cat *catalog.Snapshot, name string, chosen bool) (interface{ print(io.Writer) error }, error) {
	if chosen || cat.MeansCharm(name) {
		found, err := cat.Charm(name)
		if err != nil {
			return nil, err
		}
		return showCharm(ctx, in, cat, found)
	}
	found, err := cat.Snap(name)
	if err != nil {
		return nil, err
	}
	return showSnap(ctx, in, found)
}

// shownSnap is the result of show.
type shownSnap struct {
	Name      string          `json:"name"`
	SnapID    string          `json:"snap-id"`
	Title     string          `json:"title"`
	Publisher string          `json:"publisher"`
	Revisions []shownRevision `json:"revisions"`
	Channels  []shownChannel  `json:"channels"`
}

// shownRevision is a revision and its origin. Bundle is empty if the history does not know the import any more.
type shownRevision struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	Size          int64    `json:"size"`
	Components    []string `json:"components"`
	Bundle        string   `json:"bundle,omitempty"`
	File          string   `json:"file,omitempty"`
	ImportedAt    string   `json:"imported-at,omitempty"`
}

// shownChannel is a row that devices are served from.
type shownChannel struct {
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
	Revision     int    `json:"revision"`
	ReleasedAt   string `json:"released-at,omitempty"`
}

func showSnap(ctx context.Context, in *instance.Instance, s *catalog.Snap) (*shownSnap, error) {
	records, err := in.Catalog.History(ctx, "")
	if err != nil {
		return nil, err
	}
	origin := make(map[int]catalog.Record) // the newest import of a revision, since an earlier one was removed
	for i := len(records) - 1; i >= 0; i-- {
		for _, r := range records[i].Report.SnapRevisions {
			if r.Snap == s.Name {
				origin[r.Revision] = records[i]
			}
		}
	}
	out := &shownSnap{Name: s.Name, SnapID: s.SnapID, Title: s.Details.Title, Publisher: s.Details.Publisher.DisplayName, Revisions: []shownRevision{}, Channels: []shownChannel{}}
	for _, r := range s.Revisions {
		v := shownRevision{Revision: r.Revision.Number, Version: r.Version, Architectures: r.Architectures, Size: r.Download.Size, Components: []string{}}
		for _, c := range r.Components() {
			v.Components = append(v.Components, fmt.Sprintf("%s %d", c.Name, c.Revision))
		}
		if from, ok := origin[v.Revision]; ok {
			v.Bundle, v.File, v.ImportedAt = from.Bundle.String(), from.Name, from.ImportedAt.UTC().Format(time.RFC3339)
		}
		out.Revisions = append(out.Revisions, v)
	}
	for _, row := range s.Served() {
		out.Channels = append(out.Channels, shownChannel{row.Channel, row.Architecture, row.Revision, row.ReleasedAt})
	}
	return out, nil
}

func (s *shownSnap) print(w io.Writer) error {
	fmt.Fprintf(w, "Name: %s\nSnap ID: %s\nTitle: %s\nPublisher: %s\n\n", s.Name, s.SnapID, cli.Clean(s.Title), cli.Clean(s.Publisher))
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
