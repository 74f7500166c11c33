package exporter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/upstreamtest"
)

// TestArchitecturesOfApplications checks the rows of applications that name their architecture, or whose machines have one. The request is
// for amd64. Revisions 1 and 2 are for amd64, 11 and 12 for arm64, and 2 and 12 are released.
func TestArchitecturesOfApplications(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := h.AddCharm(upstreamtest.Charm{Name: "app", DefaultTrack: "8"})
	for n, arch := range map[int]string{1: "amd64", 2: "amd64", 11: "arm64", 12: "arm64"} {
		err = errors.Join(err, h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: n, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", arch)}}}))
	}
	err = errors.Join(err, h.ReleaseCharm("app", "8/stable", upstreamtest.Base{}, 2, nil), h.ReleaseCharm("app", "8/stable", upstreamtest.Base{}, 12, nil))
	for _, name := range []string{"anywhere", "arm-only"} {
		arch := map[string]string{"anywhere": "all", "arm-only": "arm64"}[name]
		err = errors.Join(err, h.AddCharm(upstreamtest.Charm{Name: name}),
			h.AddCharmRevision(name, upstreamtest.CharmRev{Revision: 5, CharmFiles: upstreamtest.CharmFiles{Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", arch)}}}),
			h.ReleaseCharm(name, "latest/stable", upstreamtest.Base{}, 5, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
	const amd, arm = "8/stable ubuntu@22.04 amd64 ", "8/stable ubuntu@22.04 arm64 "
	for _, c := range []struct{ yaml, rows, gaps string }{
		{"applications: {a: {charm: app}}", amd + "2", "[]"},
		{"applications: {a: {charm: app, constraints: arch=arm64}}", arm + "12", "[]"},
		{"applications: {a: {charm: 'ch:arm64/jammy/app'}}", arm + "12", "[]"},
		{"applications: {a: {charm: app, constraints: arch=arm64}, b: {charm: app}}", amd + "2\n" + arm + "12", "[]"},
		{"{applications: {a: {charm: app, to: ['0']}}, machines: {0: {constraints: arch=arm64}}}", amd + "2\n" + arm + "12", "[]"},
		// The bundle that juju export-bundle writes of a model for arm64.
		{"{default-base: ubuntu@22.04/stable, applications: {a: {charm: app, channel: 8/stable, revision: 11, num_units: 1, to: ['0'], constraints: arch=arm64}}, machines: {0: {constraints: arch=arm64}}}", arm + "11", "[]"},
		{"{default-base: ubuntu@22.04/stable, applications: {a: {charm: app, channel: 8/stable, revision: 11, num_units: 1, to: ['0']}}, machines: {0: {constraints: arch=arm64}}}", arm + "11", "[]"},
		{"applications: {a: {charm: app, channel: 8/stable, revision: 11, constraints: arch=arm64}, b: {charm: app, channel: 8/stable}}", amd + "2\n" + arm + "11", "[]"},
		{"applications: {a: {charm: app, channel: 8/stable, revision: 11, constraints: arch=amd64}}", "", "[app revision 11 for amd64: the revision is not for that architecture]"},
		{"applications: {a: {charm: app, channel: 8/stable, revision: 11}}", "", "[app revision 11 for amd64: the revision is not for that architecture]"},
		{"applications: {a: {charm: anywhere, constraints: arch=arm64}}", "latest/stable ubuntu@22.04 arm64 5", "[]"},
		{"applications: {a: {charm: anywhere, revision: 5, channel: stable, constraints: arch=arm64}}", "latest/stable ubuntu@22.04 arm64 5", "[]"},
		{"{applications: {a: {charm: arm-only, to: ['0']}}, machines: {0: {constraints: arch=arm64}}}", "latest/stable ubuntu@22.04 amd64 0\nlatest/stable ubuntu@22.04 arm64 5", "[]"},
	} {
		e, _ := h.exporter(t)
		p, err := e.Plan(t.Context(), wanted(t, c.yaml))
		if err != nil {
			t.Errorf("%s: %v", c.yaml, err)
			continue
		}
		if diff := cmp.Diff(c.rows, strings.Join(charmRows(&p.Charms[0].Listing), "\n")); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", c.yaml, diff)
		}
		if got := fmt.Sprint(p.Gaps); got != c.gaps {
			t.Errorf("%s: gaps %s, want %s", c.yaml, got, c.gaps)
		}
		if err := e.Fetch(t.Context(), p); err != nil {
			t.Errorf("%s: %v", c.yaml, err)
		}
	}
}

// TestImagesOfApplicationArchitectures checks that an image comes for the architecture of the application, not only for the requested ones.
func TestImagesOfApplicationArchitectures(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	req := wanted(t, "applications: {a: {charm: postgresql-k8s, constraints: arch=arm64}}")
	req.Charms.ImageArchitectures = req.Charms.Architectures // --arch amd64
	for _, im := range pack(t, e, fetch(t, e, req)).Images {
		if im.Digest.String() == h.arm {
			return
		}
	}
	t.Errorf("the image for arm64, %s, is missing", h.arm)
}
