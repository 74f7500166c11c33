package exporter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// rows prints the channel map of a planned snap: "amd64 2.0/stable 38".
func rows(s *exporter.Snap) []string {
	var out []string
	for _, r := range s.Listing.ChannelMap {
		out = append(out, fmt.Sprintf("%s %s %d", r.Architecture, r.Channel, r.Revision))
	}
	return out
}

func revisions(s *exporter.Snap) []int {
	var out []int
	for _, r := range s.Revisions {
		out = append(out, r.Revision.Number)
	}
	return out
}

func TestPlanChannels(t *testing.T) {
	t.Parallel()
	e, _ := newExporter(t, demo(t))
	for _, c := range []struct {
		snap      string
		channels  []string
		archs     []string
		rows      []string
		revisions []int
		gaps      int
	}{
		{"hello", []string{"stable"}, []string{"amd64"}, []string{"amd64 2.0/stable 38"}, []int{38}, 0},
		{"hello", []string{"stable"}, []string{"amd64", "arm64"}, []string{"amd64 2.0/stable 38", "arm64 2.0/stable 38"}, []int{38}, 0},
		{"hello", []string{"latest/stable"}, []string{"amd64"}, []string{"amd64 latest/stable 20"}, []int{20}, 0},
		{"hello", []string{"2.0"}, []string{"amd64"}, []string{"amd64 2.0/stable 38"}, []int{38}, 0},
		{"hello", []string{"beta"}, []string{"amd64"}, []string{"amd64 2.0/beta 0", "amd64 2.0/candidate 42"}, []int{42}, 0},
		{"hello", []string{"edge/fix-greeting"}, []string{"amd64"}, []string{"amd64 2.0/edge/fix-greeting 43"}, []int{43}, 0},
		{"hello", []string{"edge/other"}, []string{"amd64"}, []string{"amd64 2.0/edge 42", "amd64 2.0/edge/other 0"}, []int{42}, 0},
		{"hello", []string{"latest/edge"}, []string{"amd64"}, []string{"amd64 latest/beta 0", "amd64 latest/candidate 0", "amd64 latest/edge 0", "amd64 latest/stable 20"}, []int{20}, 0},
		{"hello", []string{"9.9/candidate", "stable"}, []string{"amd64"}, []string{"amd64 2.0/stable 38", "amd64 9.9/candidate 0", "amd64 9.9/stable 0"}, []int{38}, 1},
		{"hello", []string{"stable", "edge", "candidate", "beta"}, []string{"amd64"},
			[]string{"amd64 2.0/beta 0", "amd64 2.0/candidate 42", "amd64 2.0/edge 42", "amd64 2.0/stable 38"}, []int{38, 42}, 0},
		{"jq", []string{"stable", "edge"}, []string{"amd64", "arm64"},
			[]string{"amd64 latest/edge 8", "amd64 latest/stable 6", "arm64 latest/edge 9", "arm64 latest/stable 7"}, []int{6, 7, 8, 9}, 0},
		{"jq", []string{"stable"}, []string{"amd64", "riscv64"}, []string{"amd64 latest/stable 6", "riscv64 latest/stable 0"}, []int{6}, 1},
	} {
		name := c.snap + " " + strings.Join(c.channels, " ") + " for " + strings.Join(c.archs, " ")
		p, err := e.Plan(t.Context(), exporter.Request{Names: []string{c.snap}, Channels: c.channels, Architectures: c.archs, NoDeps: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.rows, rows(p.Snaps[0])); diff != "" {
			t.Errorf("%s: channel map (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.revisions, revisions(p.Snaps[0])); diff != "" {
			t.Errorf("%s: revisions (-want +got):\n%s", name, diff)
		}
		if len(p.Gaps) != c.gaps {
			t.Errorf("%s: gaps %v, want %d", name, p.Gaps, c.gaps)
		}
	}
}

func TestPlanPushChannel(t *testing.T) {
	t.Parallel()
	e, _ := newExporter(t, demo(t))
	for _, c := range []struct {
		name     string
		names    []string
		packages []exporter.Package
		rows     []string
	}{
		{"unknown track", nil, []exporter.Package{{Name: "jq", Revision: 8, PushChannel: "chp_14/edge"}}, []string{"amd64 chp_14/edge 8"}},
		{"no channel", nil, []exporter.Package{{Name: "jq", Revision: 8}}, nil},
		{"default track", nil, []exporter.Package{{Name: "hello", Revision: 20, PushChannel: "stable"}}, []string{"amd64 2.0/stable 20"}},
		{"no revision", nil, []exporter.Package{{Name: "jq", PushChannel: "lts/stable"}}, []string{"amd64 latest/stable 6", "amd64 lts/stable 6"}},
		{"wins over the store's", []string{"jq"}, []exporter.Package{{Name: "jq", Revision: 8, PushChannel: "stable"}}, []string{"amd64 latest/stable 8"}},
		{"wins when it comes first", nil, []exporter.Package{{Name: "jq", Revision: 8, PushChannel: "stable"}, {Name: "jq"}}, []string{"amd64 latest/stable 8"}},
		{"one in two channels", nil, []exporter.Package{{Name: "jq", Revision: 8, PushChannel: "stable"}, {Name: "jq", Revision: 8, PushChannel: "a/edge"}},
			[]string{"amd64 a/edge 8", "amd64 latest/stable 8"}},
	} {
		p, err := e.Plan(t.Context(), exporter.Request{Names: c.names, Packages: c.packages, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.rows, rows(p.Snaps[0])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	_, err := e.Plan(t.Context(), exporter.Request{Packages: []exporter.Package{{Name: "jq", Revision: 6, PushChannel: "x"}, {Name: "jq", Revision: 8, PushChannel: "x/stable"}},
		Channels: []string{"stable"}, Architectures: []string{"amd64"}})
	if !errors.Is(err, exporter.ErrConflict) {
		t.Errorf("two revisions for one channel: got %v, want ErrConflict", err)
	}
}

// TestPushForOtherArchitecture puts revisions for two architectures into one channel, in an export for amd64. Each one gets the row of its own
// architecture, and its dependencies for that.
func TestPushForOtherArchitecture(t *testing.T) {
	t.Parallel()
	s := demo(t)
	err := s.AddSnap(upstreamtest.Snap{Name: "pair", Base: "core24"})
	for n, arch := range map[int]string{5: "amd64", 6: "arm64"} {
		err = errors.Join(err, s.AddRevision("pair", upstreamtest.Rev{Revision: n, Architectures: []string{arch}, AnyDevice: true, Blob: upstreamtest.Random(arch, 1000)}))
	}
	err = errors.Join(err, s.Release("pair", "amd64", "latest/edge", 5))
	if err != nil {
		t.Fatal(err)
	}
	pair := func(n int) exporter.Package {
		return exporter.Package{Name: "pair", Revision: n, PushChannel: "x/edge"}
	}
	for _, c := range []struct {
		name       string
		packages   []exporter.Package
		archs      []string
		rows, base []string
	}{
		{"both for amd64", []exporter.Package{pair(5), pair(6)}, []string{"amd64"}, []string{"amd64 x/edge 5", "arm64 x/edge 6"}, []string{"amd64", "arm64"}},
		{"arm64 alone", []exporter.Package{pair(6)}, []string{"amd64"}, []string{"arm64 x/edge 6"}, []string{"arm64"}},
		{"both for both", []exporter.Package{pair(5), pair(6)}, []string{"arm64", "amd64"}, []string{"amd64 x/edge 5", "arm64 x/edge 6"}, []string{"amd64", "arm64"}},
		{"amd64 for both", []exporter.Package{pair(5)}, []string{"amd64", "arm64"}, []string{"amd64 x/edge 5"}, []string{"amd64"}},
	} {
		e, _ := newExporter(t, s)
		p, err := e.Plan(t.Context(), exporter.Request{Packages: c.packages, Channels: []string{"stable"}, Architectures: c.archs})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var base []string
		for _, s := range p.Snaps {
			switch s.Listing.Name {
			case "pair":
				if diff := cmp.Diff(c.rows, rows(s)); diff != "" {
					t.Errorf("%s: rows (-want +got):\n%s", c.name, diff)
				}
			case "core24":
				for _, row := range s.Listing.ChannelMap {
					base = append(base, row.Architecture)
				}
			}
		}
		if diff := cmp.Diff(c.base, base); diff != "" {
			t.Errorf("%s: core24 (-want +got):\n%s", c.name, diff)
		}
		if gaps := p.Set().Gaps(); len(gaps) > 0 {
			t.Errorf("%s: gaps %v", c.name, gaps)
		}
	}
	e, _ := newExporter(t, s)
	_, err = e.Plan(t.Context(), exporter.Request{Packages: []exporter.Package{pair(5), {Name: "pair", Revision: 6, PushChannel: "x/edge"}, {Name: "pair", PushChannel: "x/edge"}},
		Channels: []string{"edge"}, Architectures: []string{"amd64"}})
	if err != nil {
		t.Errorf("the same revision by number and by channel: %v", err)
	}
}

func TestPlanClosure(t *testing.T) {
	t.Parallel()
	e, _ := newExporter(t, demo(t))
	p, err := e.Plan(t.Context(), exporter.Request{Names: []string{"gnome-calculator", "core22", "hello"}, Channels: []string{"edge"}, Architectures: []string{"amd64", "arm64"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Snaps {
		got = append(got, fmt.Sprintf("%s %v %v", s.Listing.Name, revisions(s), s.NeededBy))
	}
	want := []string{
		"gnome-calculator [955 956] []",
		"core22 [1122 1123 1124] []", // requested in edge, needed in stable
		"hello [42] []",
		"bare [5] [gtk-common-themes]", "core [17200 17201] [hello]", "gtk-common-themes [1535] [gnome-calculator]",
		"snapd [24505 24506] [bare core core22 gnome-calculator gtk-common-themes hello]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if len(p.Gaps) > 0 {
		t.Errorf("gaps %v, want none", p.Gaps)
	}
}

// TestPlanRefused checks that a channel is closed only if the store says that it has no release. Other errors don't close it.
func TestPlanRefused(t *testing.T) {
	t.Parallel()
	s := demo(t)
	s.Inject(upstreamtest.Fault{Path: "/v2/snaps/refresh", Do: upstreamtest.Rewrite("revision-not-found", "out-of-coffee")})
	e, _ := newExporter(t, s)
	p, err := e.Plan(t.Context(), exporter.Request{Names: []string{"jq"}, Channels: []string{"stable", "9.9/stable"}, Architectures: []string{"amd64"}, NoDeps: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"amd64 latest/stable 6"}, rows(p.Snaps[0])); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
	if len(p.Gaps) != 1 || !strings.Contains(p.Gaps[0].Reason, "(out-of-coffee)") {
		t.Errorf("gaps %v, want one with the store's own reason", p.Gaps)
	}
}

func TestPlanMissing(t *testing.T) {
	t.Parallel()
	e, _ := newExporter(t, demo(t))
	_, err := e.Plan(t.Context(), exporter.Request{Names: []string{"b-none", "jq", "a-none"}, Channels: []string{"stable", "edge"}, Architectures: []string{"amd64"},
		Withdrawn: exporter.WithdrawnError})
	var missing *exporter.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a MissingError", err)
	}
	var names []string
	for _, g := range missing.Gaps {
		names = append(names, g.Snap)
	}
	if !slices.Equal(names, []string{"a-none", "b-none"}) {
		t.Errorf("missing %q, want each unknown name once", names)
	}
}
