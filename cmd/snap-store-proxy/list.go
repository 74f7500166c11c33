package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// globalStore is what the original calls the store that is not a brand's.
const globalStore = "ubuntu"

func newListPushedSnaps(dir *instance.Dir) *cobra.Command {
	var asJSON, long bool
	c := &cobra.Command{
		Use:     "list-pushed-snaps",
		Short:   "List the snaps of this store",
		Example: "  snap-store-proxy list-pushed-snaps --long",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withSnapshot(c.Context(), dir, func(_ *instance.Instance, cat *catalog.Snapshot) error {
				return listSnaps(c.OutOrStdout(), cat, asJSON, long)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&long, "long", false, "list the revisions and channels, too")
	return c
}

func listSnaps(w io.Writer, cat *catalog.Snapshot, asJSON, long bool) error {
	if asJSON {
		return listJSON(w, cat)
	}
	t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
	header := "Name\tStores"
	if long {
		header += "\tRevision\tVersion\tArchitectures\tSize\tChannels"
	}
	fmt.Fprintln(t, header)
	for _, s := range cat.Snaps {
		if !long {
			fmt.Fprintf(t, "%s\t%s\n", s.Name, globalStore)
			continue
		}
		for _, r := range s.Revisions {
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", s.Name, globalStore, r.Revision.Number, cli.Clean(r.Version),
				strings.Join(r.Architectures, ","), cli.Bytes(r.Download.Size), strings.Join(channelsOf(&s, r.Revision.Number), ", "))
		}
	}
	return t.Flush()
}

// channelsOf lists the channels that a revision is served in, each once.
func channelsOf(s *catalog.Snap, revision int) []string {
	var out []string
	for _, row := range s.Served() {
		if row.Revision == revision && !slices.Contains(out, row.Channel) {
			out = append(out, row.Channel)
		}
	}
	return out
}

func listJSON(w io.Writer, cat *catalog.Snapshot) error {
	type revision struct {
		Revision      int      `json:"revision"`
		Version       string   `json:"version"`
		Architectures []string `json:"architectures"`
		Size          int64    `json:"size"`
		SHA3384       string   `json:"sha3-384"`
		Channels      []string `json:"channels"`
	}
	type row struct {
		Name      string     `json:"name"`
		SnapID    string     `json:"snap-id"`
		Stores    []string   `json:"stores"`
		Revisions []revision `json:"revisions"`
	}
	rows := []row{}
	for _, s := range cat.Snaps {
		r := row{Name: s.Name, SnapID: s.SnapID, Stores: []string{globalStore}, Revisions: []revision{}}
		for _, rev := range s.Revisions {
			r.Revisions = append(r.Revisions, revision{rev.Revision.Number, rev.Version, rev.Architectures, rev.Download.Size,
				rev.Download.SHA3384, append([]string{}, channelsOf(&s, rev.Revision.Number)...)})
		}
		rows = append(rows, r)
	}
	return cli.PrintJSON(w, rows)
}
