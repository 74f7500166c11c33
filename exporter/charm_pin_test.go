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

// TestChosenResources checks the rows that get a resource's revision which the operator chose for one of several applications. These are
// the rows that no other application has, regardless of the names.
func TestChosenResources(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	if err := h.ReleaseCharm("pgbouncer", "latest/edge", upstreamtest.Base{}, 5, map[string]int{"config": 2, "extra": 0}); err != nil {
		t.Fatal(err)
	}
	const one, two = " 5 config:1 extra:0", " 5 config:2 extra:0"
	for _, c := range []struct{ yaml, stable, edge string }{
		{"{a: {charm: pgbouncer, resources: {config: 1}}}", one, ""},
		{"{a: {charm: pgbouncer, resources: {config: 1}}, b: {charm: pgbouncer, channel: edge}}", one, two},
		{"{b: {charm: pgbouncer, resources: {config: 1}}, a: {charm: pgbouncer, channel: edge}}", one, two},
		{"{a: {charm: pgbouncer, resources: {config: 1}}, b: {charm: pgbouncer}}", two, ""},
		{"{b: {charm: pgbouncer, resources: {config: 1}}, a: {charm: pgbouncer}}", two, ""},
		{"{a: {charm: pgbouncer, channel: candidate, resources: {config: 1}}, b: {charm: pgbouncer}}", two, ""},
		{"{a: {charm: pgbouncer, revision: 5, channel: stable, resources: {config: 1}}, b: {charm: pgbouncer, revision: 5, channel: stable}}", two, ""},
		{"{b: {charm: pgbouncer, revision: 5, channel: stable, resources: {config: 1}}, a: {charm: pgbouncer, revision: 5, channel: stable}}", two, ""},
	} {
		e, _ := h.exporter(t)
		p, err := e.Plan(t.Context(), wanted(t, "applications: "+c.yaml))
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		rows := strings.Join(charmRows(&p.Charms[0].Listing), "\n") + "\n"
		for channel, want := range map[string]string{"latest/stable": c.stable, "latest/edge": c.edge} {
			if want != "" && !strings.Contains(rows, channel+" ubuntu@20.04 amd64"+want+"\n") {
				t.Errorf("%s: rows\n%swant %s%s", c.yaml, rows, channel, want)
			}
		}
	}
}

// TestRevisionPerArchitecture checks that each architecture may have its own revision, and that one without any is a gap.
func TestRevisionPerArchitecture(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := h.AddCharmRevision("pgbouncer", upstreamtest.CharmRev{Revision: 6, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "arm64")}}})
	err = errors.Join(err, h.AddCharmRevision("pgbouncer", upstreamtest.CharmRev{Revision: 7, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64")}}}))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	for yaml, want := range map[string]string{
		"{a: {charm: pgbouncer, revision: 6}, b: {charm: pgbouncer, revision: 7}}": "[]",
		"{a: {charm: pgbouncer, revision: 6}}":                                     "[pgbouncer revision 6 for amd64: the revision is not for that architecture]",
	} {
		req := wanted(t, "applications: "+yaml)
		req.Charms.Architectures = []string{"amd64", "arm64"}
		p, err := e.Plan(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(p.Gaps); got != want {
			t.Errorf("%s: gaps %s, want %s", yaml, got, want)
		}
	}
}

// TestNearestBaseOfTrack checks that a base is not chosen as the nearest because another track has it. The store calls latest/stable just
// stable, even if the default track is another one.
func TestNearestBaseOfTrack(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := errors.Join(
		h.AddCharm(upstreamtest.Charm{Name: "app", DefaultTrack: "14"}),
		h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("20.04", "amd64")}}}),
		h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: 2, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("24.04", "amd64")}}}),
		h.ReleaseCharm("app", "14/stable", upstreamtest.Base{}, 1, nil), h.ReleaseCharm("app", "latest/stable", upstreamtest.Base{}, 2, nil))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	for yaml, want := range map[string]string{
		"{a: {charm: app}}":                         "14/stable ubuntu@20.04 amd64 1\n14/stable ubuntu@22.04 amd64 0",
		"{a: {charm: app, channel: latest/stable}}": "latest/stable ubuntu@22.04 amd64 0\nlatest/stable ubuntu@24.04 amd64 2",
	} {
		p, err := e.Plan(t.Context(), wanted(t, "applications: "+yaml))
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if diff := cmp.Diff(want, strings.Join(charmRows(&p.Charms[0].Listing), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", yaml, diff)
		}
	}
}

// TestPinnedRelease checks the release time of a revision that the operator put into a channel: its creation time, because Juju shows no
// release without a time.
func TestPinnedRelease(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	p, err := e.Plan(t.Context(), wanted(t, "applications: {a: {charm: postgresql-k8s, revision: 20, channel: 14/edge}}"))
	if err != nil {
		t.Fatal(err)
	}
	got := p.Charms[0].Listing.ChannelMap[0].ReleasedAt
	if diff := cmp.Diff(p.Charms[0].Revisions[0].Revision.CreatedAt, got); diff != "" || got == "" {
		t.Errorf("released at %q (-want +got):\n%s", got, diff)
	}
}

// TestPinnedRows checks the rows that a pinned revision fills: the rows of its application's base that no other application follows. The
// revision is in the bundle in any case.
func TestPinnedRows(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := h.AddCharm(upstreamtest.Charm{Name: "app", DefaultTrack: "8"})
	for n := 10; n <= 12; n++ {
		bases := []upstreamtest.Base{upstreamtest.Ubuntu("20.04", "amd64"), upstreamtest.Ubuntu("22.04", "amd64")}
		err = errors.Join(err, h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: n, CharmFiles: upstreamtest.CharmFiles{Bases: bases}}))
	}
	if err := errors.Join(err, h.ReleaseCharm("app", "8/stable", upstreamtest.Base{}, 12, nil)); err != nil {
		t.Fatal(err)
	}
	const focal, jammy = "8/stable ubuntu@20.04 amd64 ", "8/stable ubuntu@22.04 amd64 "
	for yaml, want := range map[string]string{
		"{a: {charm: app, revision: 10, channel: stable}}":                                                                                         focal + "10\n" + jammy + "10",
		"{a: {charm: app, revision: 10, channel: stable}, b: {charm: app}}":                                                                        focal + "12\n" + jammy + "12",
		"{b: {charm: app, revision: 10, channel: stable}, a: {charm: app}}":                                                                        focal + "12\n" + jammy + "12",
		"{a: {charm: app, revision: 10, channel: stable, base: ubuntu@20.04}}":                                                                     focal + "10",
		"{a: {charm: app, revision: 10, channel: stable, base: ubuntu@20.04}, b: {charm: app, base: ubuntu@22.04}}":                                focal + "10\n" + jammy + "12",
		"{a: {charm: app, revision: 10, channel: stable}, b: {charm: app, revision: 11, channel: stable}}":                                         focal + "11\n" + jammy + "11",
		"{a: {charm: app, revision: 11, channel: stable}, b: {charm: app, revision: 10, channel: stable}}":                                         focal + "11\n" + jammy + "11",
		"{a: {charm: app, revision: 10, channel: stable, base: ubuntu@20.04}, b: {charm: app, revision: 11, channel: stable, base: ubuntu@22.04}}": focal + "10\n" + jammy + "11",
	} {
		e, _ := h.exporter(t)
		p, err := e.Plan(t.Context(), wanted(t, "applications: "+yaml))
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if diff := cmp.Diff(want, strings.Join(charmRows(&p.Charms[0].Listing), "\n")); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", yaml, diff)
		}
		for _, n := range []int{10, 11} {
			planned := slices.ContainsFunc(p.Charms[0].Revisions, func(r *exporter.CharmRevision) bool { return r.Revision.Number == n })
			if want := strings.Contains(yaml, fmt.Sprintf("revision: %d", n)); planned != want {
				t.Errorf("%s: revision %d is planned: %v", yaml, n, planned)
			}
		}
	}
}
