package exporter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/exporter"
	"offlinestore/image"
	"offlinestore/internal/upstreamtest"
)

// imageExporter returns an exporter with a login for the registry of a hub.
func imageExporter(t *testing.T, h *hub) *exporter.Exporter {
	t.Helper()
	e, _ := h.exporter(t)
	e.Login = func(_ context.Context, host string) (string, string, error) {
		if host != h.host {
			t.Errorf("the exporter asks for the login of %s", host)
		}
		return registryUser, registrySecret, nil
	}
	return e
}

// exported fetches images, and returns the head of their bundle.
func exported(t *testing.T, e *exporter.Exporter, images ...exporter.ImageRequest) *bundle.Head {
	t.Helper()
	return pack(t, e, fetch(t, e, exporter.Request{Images: images}))
}

// TestImages exports an image by its tag, by its digest and under another name. Its platforms and its referrers come along.
func TestImages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := sign(t, h)
	if err := h.registry.Tag(repository, "14", h.index); err != nil {
		t.Fatal(err)
	}
	e := imageExporter(t, h)
	ref := h.host + "/" + repository
	head := exported(t, e, exporter.ImageRequest{Reference: ref + ":14", As: "apps/pg", Architectures: []string{"amd64"}},
		exporter.ImageRequest{Reference: ref + "@" + h.arm, As: "apps/pg:arm", Architectures: []string{"arm64"}})
	byDigest := []image.Image{
		{Digest: h.index, Platforms: []string{"linux/amd64"}, Source: ref + ":14", Tags: map[string]string{"14": ref + ":14"}},
		{Digest: h.arm, Platforms: []string{"linux/arm64"}, Source: ref + "@" + h.arm, Tags: map[string]string{"arm": ref + "@" + h.arm}},
	}
	slices.SortFunc(byDigest, func(a, b image.Image) int { return strings.Compare(a.Digest, b.Digest) })
	want := image.Repository{Name: "apps/pg", Images: byDigest, FurtherTags: map[string]string{tagOf(h.index) + ".sig": s.sig}}
	if diff := cmp.Diff(want, head.Repositories[0].Repository); diff != "" {
		t.Errorf("repository (-want +got):\n%s", diff)
	}
	for _, d := range []string{h.index, h.amd, h.arm, s.signature, s.of, s.sbom, s.sig} {
		if !slices.ContainsFunc(head.Images, func(m *bundle.ImageManifest) bool { return m.Digest.String() == d }) {
			t.Errorf("the bundle lacks the manifest %s", d)
		}
	}
	// Its lock needs no registry as long as the cache has all, and asks by digests else.
	before := h.registry.Count("/v2/")
	if err := e.FetchLocked(t.Context(), head); err != nil || h.registry.Count("/v2/") != before {
		t.Errorf("FetchLocked: %v, with %d requests", err, h.registry.Count("/v2/")-before)
	}
	before = h.registry.Count("/v2/" + repository + "/blobs/")
	other := imageExporter(t, h)
	if err := other.FetchLocked(t.Context(), head); err != nil {
		t.Errorf("FetchLocked with an empty cache: %v", err)
	}
	if n := h.registry.Count("/v2/" + repository + "/blobs/"); n == before {
		t.Error("the registry was not asked for layers")
	}
	head = exported(t, e, exporter.ImageRequest{Reference: ref + ":14", As: "apps/pg", Architectures: []string{exporter.AllArchitectures}, NoReferrers: true})
	if len(head.Images) != 3 || head.Repositories[0].FurtherTags != nil {
		t.Errorf("all architectures without referrers: %d manifests and the tags %v", len(head.Images), head.Repositories[0].FurtherTags)
	}
}

// TestImagesRefused asks for images that can't be exported. Each is named, and costs only itself.
func TestImagesRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ref := h.host + "/" + repository
	for _, c := range []struct {
		ref, says string
		archs     []string
		is        error
		prepare   func(*exporter.Exporter)
	}{
		{ref: ref + ":none", says: repository + ":none: "},
		{ref: ref + "@sha256:" + strings.Repeat("0", 64), says: strings.Repeat("0", 64)},
		{ref: ref + "@" + h.index, archs: []string{"s390x"}, says: `it has "amd64", "arm64"`, is: exporter.ErrNoPlatform},
		{ref: ref + "@" + h.arm, archs: []string{"amd64"}, says: `it is for "arm64"`, is: exporter.ErrNoPlatform},
		{ref: ref + "@" + h.index, says: "or none for this login", prepare: func(e *exporter.Exporter) { e.Login = nil }},
		{ref: ref + "@" + h.index, says: "no helper", prepare: func(e *exporter.Exporter) {
			e.Login = func(context.Context, string) (string, string, error) { return "", "", errors.New("no helper") }
		}},
	} {
		e := imageExporter(t, h)
		if c.prepare != nil {
			c.prepare(e)
		}
		_, err := e.Plan(t.Context(), exporter.Request{Images: []exporter.ImageRequest{{Reference: c.ref, As: "a", Architectures: c.archs}}, Architectures: []string{"amd64"}})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), registrySecret) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s for %v: %v, want an error with %q", c.ref, c.archs, err, c.says)
		}
		if blamed := exporter.Blamed(err); len(blamed) != 1 || blamed[0].Image != c.ref {
			t.Errorf("%s: %v is to blame", c.ref, blamed)
		}
	}
	e := imageExporter(t, h)
	two := exporter.Request{Architectures: []string{"amd64"}, Images: []exporter.ImageRequest{{Reference: ref + "@" + h.amd, As: "a:1"}, {Reference: ref + "@" + h.index, As: "a:1"}}}
	if _, err := e.Plan(t.Context(), two); !errors.Is(err, exporter.ErrConflict) {
		t.Errorf("two images of one name: %v, want ErrConflict", err)
	}
	both := wanted(t, "applications: {a: {charm: postgresql-k8s, resources: {postgresql-image: 'a:14'}}}")
	both.Images = two.Images[:1]
	if _, err := e.Plan(t.Context(), both); !errors.Is(err, exporter.ErrConflict) || !strings.Contains(err.Error(), "postgresql-k8s") {
		t.Errorf("an image in the repository of a charm's: %v, want ErrConflict", err)
	}
}

// TestImageOfASilentRegistry asks a registry that gives no answer. Nothing else is to blame.
func TestImageOfASilentRegistry(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.registry.Inject(upstreamtest.Fault{Path: "/v2/", Do: upstreamtest.Cut(0)})
	e := imageExporter(t, h)
	_, err := e.Plan(t.Context(), exporter.Request{Images: []exporter.ImageRequest{{Reference: h.host + "/" + repository + "@" + h.index, As: "a"}}, Architectures: []string{"amd64"}})
	if err == nil || len(exporter.Blamed(err)) > 0 {
		t.Errorf("Plan = %v, blamed on %v", err, exporter.Blamed(err))
	}
}
