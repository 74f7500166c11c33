package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
	"offlinestore/snap"
)

// summary is what inspect shows of a bundle.
type summary struct {
	File        string         `json:"file"`
	Digest      string         `json:"digest"`
	Signer      string         `json:"signer"`
	Algorithm   string         `json:"algorithm"`
	Trusted     bool           `json:"trusted"`
	Created     time.Time      `json:"created"`
	Exporter    string         `json:"exporter"`
	Program     string         `json:"program"`
	Sequence    uint64         `json:"sequence"`
	Request     bundle.Request `json:"request"`
	Blobs       int            `json:"blobs"`
	PayloadSize int64          `json:"payload-size"`
	Snaps       []snapSummary  `json:"snaps"`
	Charms      []charmSummary `json:"charms,omitempty"`
	// Images are the manifests and indexes of container images.
	Images []imageSummary `json:"images,omitempty"`
	// Missing is what the snaps and the charms need and no inspected bundle has.
	Missing []string `json:"missing"`
	head    *bundle.Head
	gaps    []closure.Gap
}

type snapSummary struct {
	Name      string            `json:"name"`
	SnapID    string            `json:"snap-id"`
	Publisher string            `json:"publisher"`
	Channels  []snap.Release    `json:"channel-map"`
	Revisions []revisionSummary `json:"revisions"`
}

type revisionSummary struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures"`
	Size          int64    `json:"size"`
	Digest        string   `json:"digest"`
	SHA3384       string   `json:"sha3-384"`
	Components    []string `json:"components"`
}

func newInspect() *cobra.Command {
	var asJSON bool
	var trusted []string
	c := &cobra.Command{
		Use:   "inspect FILE…",
		Short: "Show what bundles hold, who signed them and what their snaps and charms need besides",
		Long: `Show what bundles hold, who signed them and when, and what their snaps and
charms need that is in none of them. Only the head of a bundle is read, so this is quick
however large it is; 'verify' reads all.
` + cli.ExitHelp,
		Example: "  store-admin inspect jq-20261120T101500.tar.gz\n  store-admin inspect --json *.tar.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := readKeys(trusted)
			if err != nil {
				return err
			}
			return runInspect(c.Context(), c.OutOrStdout(), args, keys, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringArrayVar(&trusted, "trusted-key", nil, "public `key` (PEM) that must have signed; repeatable")
	return c
}

func runInspect(ctx context.Context, w io.Writer, files []string, keys []bundle.PublicKey, asJSON bool) error {
	var all []*summary
	for _, f := range files {
		s, err := inspect(ctx, f, keys)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	if err := findMissing(all); err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, all)
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		s.print(w)
	}
	return nil
}

func inspect(ctx context.Context, file string, keys []bundle.PublicKey) (*summary, error) {
	r, p, key, trusted, err := openVerified(ctx, file, keys)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := r.Head()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s := &summary{
		Snaps: []snapSummary{}, File: file, Digest: r.Digest().String(), Signer: key.ID(), Algorithm: key.Algorithm(), Trusted: trusted,
		Created: p.Created, Exporter: p.Exporter, Program: p.Program, Sequence: p.Sequence, Request: p.Request,
		Blobs: len(h.Payload), PayloadSize: h.PayloadSize(), head: h,
	}
	for _, sn := range h.Snaps {
		s.Snaps = append(s.Snaps, summarise(sn, h.Revisions))
	}
	for _, c := range h.Charms {
		s.Charms = append(s.Charms, summariseCharm(c, h))
	}
	for _, m := range h.Images {
		s.Images = append(s.Images, summariseImage(m))
	}
	return s, nil
}

func summarise(sn *bundle.Snap, revisions []*bundle.SnapRevision) snapSummary {
	out := snapSummary{Name: sn.Name, SnapID: sn.SnapID, Publisher: sn.Listing.Snap.Publisher.DisplayName,
		Channels: append([]snap.Release{}, sn.ChannelMap...), Revisions: []revisionSummary{}}
	for _, r := range revisions {
		if r.Name != sn.Name {
			continue
		}
		rs := revisionSummary{r.Revision.Number, r.Revision.Version, r.Revision.Architectures, r.Blob.Size, r.Blob.Digest.String(), r.Revision.Download.SHA3384, []string{}}
		for _, c := range r.Revision.Resources {
			rs.Components = append(rs.Components, fmt.Sprintf("%s %d", c.Name, c.Revision))
		}
		out.Revisions = append(out.Revisions, rs)
	}
	return out
}

// findMissing notes at each bundle what its snaps, charms and models need and none of the bundles has.
func findMissing(all []*summary) error {
	var heads []*bundle.Head
	snaps := make(map[string]bool)
	for _, s := range all {
		heads = append(heads, s.head)
		for _, sn := range s.Snaps {
			snaps[sn.Name] = true
		}
	}
	together, err := closure.OfBundles(heads...)
	if err != nil {
		return err
	}
	for _, s := range all {
		part, err := closure.OfBundles(s.head)
		if err != nil {
			return fmt.Errorf("%s: %w", s.File, err)
		}
		s.gaps = together.GapsOf(part)
		s.Missing = []string{}
		for _, g := range s.gaps {
			s.Missing = append(s.Missing, missingName(g, snaps))
		}
		slices.Sort(s.Missing)
		s.Missing = slices.Compact(s.Missing)
	}
	return nil
}

// missingName returns what is missing as the JSON names it: the name alone for a snap that is in none of the bundles.
func missingName(g closure.Gap, snaps map[string]bool) string {
	switch {
	case g.Kind == closure.KindSnap && !snaps[g.Name]:
		return g.Name
	case g.Kind == closure.KindSnap || g.Kind == closure.KindComponent:
		return g.Needs()
	case g.Kind == closure.KindResource:
		return "resource " + g.Name + " of charm " + g.NeededBy[0].Name
	}
	return string(g.Kind) + " " + g.Needs()
}

func (s *summary) print(w io.Writer) {
	trust := "not one of the keys here; compare the fingerprint"
	if s.Trusted {
		trust = "trusted"
	}
	sequence := ""
	if s.Sequence > 0 {
		sequence = fmt.Sprintf(", bundle %d of this key", s.Sequence)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "File:\t%s\n", cli.Clean(s.File))
	fmt.Fprintf(t, "Digest:\t%s\n", s.Digest)
	fmt.Fprintf(t, "Signed by:\t%s (%s, %s)\n", s.Signer, s.Algorithm, trust)
	fmt.Fprintf(t, "Signed:\t%s by %s with %s%s\n", s.Created.Format(time.RFC3339), cli.Clean(s.Exporter), cli.Clean(s.Program), sequence)
	fmt.Fprintf(t, "Asked for:\t%s\n", cli.Clean(describeRequest(s.Request)))
	fmt.Fprintf(t, "Payload:\t%s in %d blobs\n", cli.Bytes(s.PayloadSize), s.Blobs)
	t.Flush()
	for _, sn := range s.Snaps {
		fmt.Fprintf(w, "\n%s (%s) by %s\n", sn.Name, sn.SnapID, cli.Clean(sn.Publisher))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range sn.Revisions {
			fmt.Fprintf(t, "  revision %d\t%s\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), strings.Join(r.Architectures, ","), cli.Bytes(r.Size), strings.Join(r.Components, ", "))
		}
		for _, c := range sn.Channels {
			what := "closed"
			if c.Revision > 0 {
				what = fmt.Sprintf("revision %d", c.Revision)
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Channel, c.Architecture, what)
		}
		t.Flush()
	}
	s.printCharms(w)
	if len(s.gaps) > 0 {
		fmt.Fprintln(w, "\nNeeded and not here:")
	}
	for _, g := range s.gaps {
		fmt.Fprintf(w, "  %s\n", cli.Clean(cli.GapLine(g)))
	}
}

func describeRequest(r bundle.Request) string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{
		{"snaps", r.Snaps}, {"charms", r.Charms}, {"charm bundles", r.Bundles}, {"channels", r.Channels},
		{"architectures", r.Architectures}, {"needed by", r.NeededBy},
	} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.list, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
