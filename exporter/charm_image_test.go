package exporter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestCharmImageNames checks the name of an image inside the gap, and whether the image is exported.
func TestCharmImageNames(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	err := errors.Join(h.registry.Tag(repository, "14-edge", h.amd), h.AddCharmResource("postgresql-k8s", upstreamtest.CharmResource{
		Name: "postgresql-image", Revision: 9, Image: &upstreamtest.ImageBlob{Ref: h.host + "/" + repository + ":14-edge", Username: registryUser, Password: registrySecret}}))
	if err != nil {
		t.Fatal(err)
	}
	other := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct {
		resource  string
		noImages  bool
		archs     []string
		want      charm.Image
		manifests int
	}{
		{"7", false, nil, charm.Image{Name: repository + "@" + h.index, Digest: h.index, Source: repository + "@" + h.index}, 3},
		{"7", true, nil, charm.Image{Name: repository + "@" + h.index, Digest: h.index, Source: repository + "@" + h.index}, 0},
		{"7", false, []string{"arm64", "s390x"}, charm.Image{Name: repository + "@" + h.index, Digest: h.index, Source: repository + "@" + h.index}, 2},
		{"9", false, nil, charm.Image{Name: repository + "@" + h.amd, Digest: h.amd, Source: repository + ":14-edge"}, 1},
		{"9", true, nil, charm.Image{Name: repository + ":14-edge", Source: repository + ":14-edge"}, 0},
		{"local/pg:14", false, nil, charm.Image{Name: "local/pg:14", Digest: h.index, Source: repository + "@" + h.index}, 3},
		{"local/pg@" + h.index, false, nil, charm.Image{Name: "local/pg@" + h.index, Digest: h.index, Source: repository + "@" + h.index}, 3},
		{"local/pg@" + other, false, nil, charm.Image{Name: "local/pg@" + other, Digest: other, Source: repository + "@" + h.index}, 0},
	} {
		e, _ := h.exporter(t)
		req := wanted(t, "applications: {pg: {charm: postgresql-k8s, resources: {postgresql-image: "+c.resource+"}}}")
		req.Charms.NoImages, req.Charms.ImageArchitectures = c.noImages, c.archs
		p, err := e.Plan(t.Context(), req)
		if err == nil {
			err = e.Fetch(t.Context(), p)
		}
		if err != nil {
			t.Errorf("%s: %v", c.resource, err)
			continue
		}
		head := pack(t, e, p)
		c.want.Source = h.host + "/" + c.want.Source
		if diff := cmp.Diff(c.want, *head.CharmResources[0].Image); diff != "" {
			t.Errorf("%s, no images %t (-want +got):\n%s", c.resource, c.noImages, diff)
		}
		if len(head.Images) != c.manifests {
			t.Errorf("%s, no images %t, for %v: %d manifests, want %d", c.resource, c.noImages, c.archs, len(head.Images), c.manifests)
		}
		if n := len(p.Overrides); (n == 1) != strings.HasPrefix(c.resource, "local/") {
			t.Errorf("%s: %d overrides", c.resource, n)
		}
	}
}

// TestCharmImageRefused tries contradictory names of images.
func TestCharmImageRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	for want, yaml := range map[string]string{
		"want a path inside a registry": "{a: {charm: postgresql-k8s, resources: {postgresql-image: 'registry.example:5000/pg:14'}}}",
		"are to be the image of":        "{a: {charm: postgresql-k8s, resources: {postgresql-image: 'x:1'}}, b: {charm: postgresql-k8s, resources: {postgresql-image: 'y:1'}}}",
		"none of the applications":      "{a: {charm: ./local.charm}}",
	} {
		if _, err := e.Plan(t.Context(), wanted(t, "applications: "+yaml)); !errors.Is(err, exporter.ErrConflict) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want ErrConflict with %q", yaml, err, want)
		}
	}
	req := wanted(t, k8s)
	req.Charms.ImageArchitectures = []string{"riscv64", "ppc64el"}
	_, err := e.Plan(t.Context(), req)
	if image := (*exporter.ImageError)(nil); !errors.As(err, &image) || !strings.Contains(err.Error(), `the image has nothing for riscv64, ppc64el: it has "amd64", "arm64"`) {
		t.Errorf("got %v, want what the image has", err)
	}
}

// TestCharmResumes checks that interrupted downloads of layers are resumed, and that progress adds up.
func TestCharmResumes(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/", Times: 3, Do: upstreamtest.Cut(4000)})
	h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/", Skip: 4, Times: 1, Do: upstreamtest.Corrupt(100)})
	h.Inject(upstreamtest.Fault{Path: "/api/v1/charms/download/", Times: 1, Do: upstreamtest.Status(503)})
	e, progress := h.exporter(t)
	p := fetch(t, e, wanted(t, k8s))
	if progress.total != p.Size() || progress.top > p.Size() {
		t.Errorf("progress ended at %d and reached %d, want %d", progress.total, progress.top, p.Size())
	}
	pack(t, e, p)
	before := h.registry.Count("/v2/" + repository + "/blobs/")
	fetch(t, e, wanted(t, k8s))
	if n := h.registry.Count("/v2/"+repository+"/blobs/") - before; n != 0 {
		t.Errorf("%d downloads of what is in the cache, want none", n)
	}
}

// TestAddSnaps checks that the snaps that charms install come with their dependencies, and that missing ones are gaps.
func TestAddSnaps(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	code := "snap.ensure(\"nosuch-snap\", channel=\"edge\")\nSNAP_PACKAGES = [(\"jq\", {\"revision\": {\"x86_64\": \"6\", \"aarch64\": \"99\"}})]\n"
	err := errors.Join(h.AddCharm(upstreamtest.Charm{Name: "app"}), h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{
		Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "all")}, Files: map[string]string{"src/charm.py": code}}}),
		h.ReleaseCharm("app", "stable", upstreamtest.Base{}, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	h.Inject(upstreamtest.Fault{Path: "/v2/assertions/account/dataplatform", Do: notFound})
	e, progress := h.exporter(t)
	req := wanted(t, "applications: {a: {charm: app}, b: {charm: pgbouncer}}")
	req.Charms.Architectures = []string{"amd64", "arm64"}
	p := fetch(t, e, req)
	if err := errors.Join(e.AddSnaps(t.Context(), p), e.Fetch(t.Context(), p)); err != nil {
		t.Fatal(err)
	}
	if len(progress.warnings) != 1 { // about the account of pgbouncer's publisher
		t.Errorf("warnings %q, want one", progress.warnings)
	}
	var got []string
	for _, s := range p.Snaps {
		got = append(got, fmt.Sprintf("%s %v %v", s.Listing.Name, revisions(s), s.NeededBy))
	}
	want := []string{"core [17200 17201] [hello]", "core24 [423] [jq]", "hello [38] [pgbouncer]", "jq [6] [app]", "snapd [24505 24506] [core core24 hello jq]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("snaps (-want +got):\n%s", diff)
	}
	var gaps []string
	for _, g := range p.Gaps {
		gaps = append(gaps, g.String())
	}
	// The store has no such revision of jq for arm64, but it has it for another architecture.
	if diff := cmp.Diff([]string{
		"snap nosuch-snap for amd64 is needed by charm app revision 1: the store has no such snap",
		"snap nosuch-snap for arm64 is needed by charm app revision 1: the store has no such snap",
		"snap jq revision 99 for arm64 is needed by charm app revision 1: the store has no such revision"}, gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if head := pack(t, e, p); len(head.Charms) != 2 || len(head.Snaps) != 5 {
		t.Errorf("%d charms and %d snaps in the bundle, want 2 and 5", len(head.Charms), len(head.Snaps))
	}
}
