package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// difference is one line of a diff of two bundles.
type difference struct {
	Snap string `json:"snap"`
	// Charm stands where Snap is empty.
	Charm string `json:"charm,omitempty"`
	// What is "revision" or "channel", or of a charm also "resource" or "image". A channel with a Resource is about what is released
	// along with the charm.
	What         string `json:"what"`
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
	// Base is that of a charm's channel, such as "ubuntu@22.04 amd64".
	Base     string `json:"base,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Image is the digest of an image that the resource stands for.
	Image string `json:"image,omitempty"`
	// ImageName is what the image is called inside.
	ImageName string `json:"image-name,omitempty"`
	// From and To are revisions: -1 for what is not there, 0 for a closed channel.
	From int   `json:"from"`
	To   int   `json:"to"`
	Size int64 `json:"size"`
}

func newDiff() *cobra.Command {
	var asJSON bool
	var trusted []string
	c := &cobra.Command{
		Use:     "diff A B",
		Short:   "Show what bundle B has that A has not, and the other way round",
		Long:    "Show what bundle B adds to and takes from A: revisions of snaps and charms,\nresources, images and rows of the channel maps. Only the heads are read. Exits\nwith 0 whether they differ or not.\n" + cli.ExitHelp,
		Example: "  store-admin diff jq-20261113T101500.tar.gz jq-20261120T101500.tar.gz",
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
	var sides [2]*summary
	for i, f := range files {
		s, err := inspect(ctx, f, keys)
		if err != nil {
			return err
		}
		sides[i] = s
	}
	diffs := diffSummaries(sides[0], sides[1])
	if asJSON {
		return cli.PrintJSON(w, diffs)
	}
	for _, d := range diffs {
		fmt.Fprintln(w, d)
	}
	if len(diffs) == 0 {
		fmt.Fprintln(w, "No difference.")
	}
	return nil
}

// entries maps what a bundle has to revisions: its revisions, its resources with their images, and the rows of its channel maps.
func (s *summary) entries() map[difference]int {
	out := make(map[difference]int)
	for _, sn := range s.Snaps {
		for _, r := range sn.Revisions {
			out[difference{Snap: sn.Name, What: "revision", Size: r.Size, From: r.Revision}] = r.Revision
		}
		for _, c := range sn.Channels {
			out[difference{Snap: sn.Name, What: "channel", Channel: c.Channel, Architecture: c.Architecture}] = c.Revision
		}
	}
	for _, c := range s.Charms {
		c.entries(out)
	}
	return out
}

func (c *charmSummary) entries(out map[difference]int) {
	for _, r := range c.Revisions {
		out[difference{Charm: c.Name, What: "revision", Size: r.Size, From: r.Revision}] = r.Revision
	}
	for _, r := range c.Resources {
		out[difference{Charm: c.Name, What: "resource", Resource: r.Name, Size: r.Size, From: r.Revision}] = r.Revision
		if r.Manifests > 0 {
			out[difference{Charm: c.Name, What: "image", Resource: r.Name, Image: r.Digest, ImageName: r.Image, From: r.Revision}] = r.Revision
		}
	}
	for _, row := range c.Channels {
		key := difference{Charm: c.Name, What: "channel", Channel: row.Channel, Base: describeBase(row.Base)}
		out[key] = row.Revision
		for _, r := range row.Resources {
			key.Resource = r.Name
			out[key] = r.Revision
		}
	}
}

func diffSummaries(a, b *summary) []difference {
	from, to := a.entries(), b.entries()
	out := []difference{}
	for key, rev := range to {
		old, ok := from[key]
		if !ok {
			old = -1
		}
		if old != rev {
			key.From, key.To = old, rev
			out = append(out, key)
		}
	}
	for key, rev := range from {
		if _, ok := to[key]; !ok {
			key.From, key.To = rev, -1
			out = append(out, key)
		}
	}
	slices.SortFunc(out, func(x, y difference) int {
		return cmp.Or(cmp.Compare(x.Charm, y.Charm), cmp.Compare(x.Snap, y.Snap), -cmp.Compare(x.What, y.What), cmp.Compare(x.Channel, y.Channel),
			cmp.Compare(x.Architecture, y.Architecture), cmp.Compare(x.Base, y.Base), cmp.Compare(x.Resource, y.Resource),
			cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Image, y.Image), cmp.Compare(x.ImageName, y.ImageName))
	})
	return out
}

// String is the line for people: + for what B adds, - for what it lacks, ~ for what it changes.
func (d difference) String() string {
	name := cmp.Or(d.Charm, d.Snap)
	sign, revision := "~", d.To
	if d.From < 0 {
		sign = "+"
	} else if d.To < 0 {
		sign, revision = "-", d.From
	}
	switch d.What {
	case "revision":
		return fmt.Sprintf("%s %s revision %d (%s)", sign, name, revision, cli.Bytes(d.Size))
	case "resource":
		s := fmt.Sprintf("%s %s resource %s revision %d", sign, name, d.Resource, revision)
		if d.Size > 0 { // an image has lines of its own
			s += " (" + cli.Bytes(d.Size) + ")"
		}
		return s
	case "image":
		image := d.Image
		if !strings.HasSuffix(d.ImageName, "@"+image) { // the operator has mapped it
			image += " as " + cli.Clean(d.ImageName)
		}
		return fmt.Sprintf("%s %s image of resource %s revision %d (%s)", sign, name, d.Resource, revision, image)
	}
	where := d.Architecture
	if d.Charm != "" {
		where = d.Base
	}
	if d.Resource != "" {
		where += " " + d.Resource
	}
	return fmt.Sprintf("%s %s %s %s: %s -> %s", sign, name, d.Channel, where, d.state(d.From), d.state(d.To))
}

func (d difference) state(revision int) string {
	if d.Resource != "" && revision == 0 {
		return "0" // never uploaded, not closed
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
