package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
)

func (s *summary) printCharms(w io.Writer) {
	for _, c := range s.Charms {
		fmt.Fprintf(w, "\n%s (%s %s) by %s\n", c.Name, c.Type, c.ID, cli.Clean(c.Publisher))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range c.Revisions {
			fmt.Fprintf(t, "  revision %d\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), describeBases(r.Bases), cli.Bytes(r.Size))
		}
		for _, r := range c.Resources {
			fmt.Fprintf(t, "  resource %s %d\t%s\t%s\n", r.Name, r.Revision, r.Type, r.describe())
		}
		for _, row := range c.Channels {
			what := "closed"
			if row.Revision > 0 {
				what = fmt.Sprintf("revision %d", row.Revision)
			}
			var with []string
			for _, r := range row.Resources {
				with = append(with, fmt.Sprintf("%s %d", r.Name, r.Revision))
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", row.Channel, describeBase(row.Base), what, strings.Join(with, ", "))
		}
		t.Flush()
	}
}

func (r *resourceSummary) describe() string {
	switch {
	case r.Type == charm.ResourceImage && r.Manifests == 0:
		return "left out, " + cli.Clean(r.Image)
	case r.Type == charm.ResourceImage:
		return fmt.Sprintf("%s, %s", cli.Count(r.Manifests, "manifest"), cli.Clean(r.Image))
	case r.Digest == "":
		return "never uploaded"
	}
	return cli.Bytes(r.Size)
}

// describeBase returns the base of a row, which rows of charm bundles lack.
func describeBase(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}

func describeBases(bases []*charm.Base) string {
	var out []string
	for _, b := range bases {
		out = append(out, b.String())
	}
	return strings.Join(out, ", ")
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
	if s.Part != nil {
		fmt.Fprintf(t, "Part:\t%d of %d, of set %s\n", s.Part.Number, s.Part.Count, s.Part.Set)
	}
	if s.Increment != nil {
		fmt.Fprintf(t, "Receiver:\t%s\n", describeIncrement(s.Increment, s.Expected))
	}
	t.Flush()
	for i, name := range s.Assertions {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, cli.Clean(name))
	}
	s.printSnaps(w)
	s.printCharms(w)
	s.printStores(w)
	s.printRepositories(w)
	for _, wd := range s.Withdrawals {
		fmt.Fprintf(w, "\n%s %s is withdrawn upstream: %s\n", wd.Kind, wd.Name, wd.Reason)
	}
	if len(s.gaps) > 0 {
		fmt.Fprintln(w, "\nNeeded and not here:")
	}
	for _, g := range s.gaps {
		fmt.Fprintf(w, "  %s\n", cli.Clean(cli.GapLine(g)))
	}
}

// describeIncrement names a receiver, and tells on what its bundle relies.
func describeIncrement(in *bundle.Increment, expected int) string {
	if expected == 0 {
		return in.Receiver + "; nothing is left out"
	}
	text := fmt.Sprintf("%s; %s left out, by ", in.Receiver, cli.Count(expected, "blob"))
	if in.Basis == bundle.Receipt {
		text += "its receipt"
	} else {
		text += "assumption that earlier bundles arrived"
	}
	for i, c := range in.Carried {
		separator := ", "
		if i == 0 {
			separator = ": in "
		}
		text += fmt.Sprintf("%s%s (bundle %d)", separator, cli.Clean(c.File), c.Sequence)
	}
	return text
}

func (s *summary) printSnaps(w io.Writer) {
	for _, sn := range s.Snaps {
		private := ""
		if sn.Store != "" {
			private = ", private to the store " + sn.Store
		}
		fmt.Fprintf(w, "\n%s (%s) by %s%s\n", sn.Name, sn.SnapID, cli.Clean(sn.Publisher), private)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range sn.Revisions {
			fmt.Fprintf(t, "  revision %d\t%s\t%s\t%s\t%s\n", r.Revision, cli.Clean(r.Version), strings.Join(r.Architectures, ","), cli.Bytes(r.Size), cli.Clean(strings.Join(slices.Concat(r.Components, r.Integrity), ", ")))
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
}

func (s *summary) printStores(w io.Writer) {
	for _, st := range s.Stores {
		fmt.Fprintf(w, "\nStore %s (%s) of brand %s", cli.Clean(st.Name), st.ID, st.BrandID)
		if st.Parent != "" {
			fmt.Fprintf(w, ", below %s", st.Parent)
		}
		fmt.Fprintf(w, ": %s\n", cli.Count(len(st.Snaps), "private snap"))
		for _, m := range st.Snaps {
			if m.Store != "" {
				fmt.Fprintf(w, "  %s of the store %s\n", m.Name, m.Store)
			} else {
				fmt.Fprintf(w, "  %s\n", m.Name)
			}
		}
	}
}

func (s *summary) printRepositories(w io.Writer) {
	for _, r := range s.Repositories {
		fmt.Fprintf(w, "\nimages in %s\n", r.Repository)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, i := range r.Images {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", cmp.Or(strings.Join(i.Tags, ", "), "no tag"), i.Digest, cmp.Or(strings.Join(i.Platforms, ", "), "no platform"), cli.Bytes(i.Size), cli.Clean(i.Source))
		}
		t.Flush()
	}
}

func describeRequest(r bundle.Request) string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{
		{"snaps", r.Snaps}, {"charms", r.Charms}, {"charm bundles", r.Bundles}, {"images", r.Images}, {"assertions", r.Assertions}, {"channels", r.Channels},
		{"architectures", r.Architectures}, {"needed by", r.NeededBy},
	} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.list, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
