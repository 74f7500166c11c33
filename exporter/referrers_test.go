package exporter_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// signatures are the manifests that refer to the image of postgresql-k8s in a hub.
type signatures struct {
	signature, of, sbom, sig string // of refers to signature
}

// sign adds a signature of the index, a signature of that signature, a list of the parts of the amd64 image, and a signature by a tag.
func sign(t *testing.T, h *hub) (s signatures) {
	t.Helper()
	add := func(artifactType, subject, layer string) string {
		d, err := h.registry.AddReferrer(repository, artifactType, subject, []byte(layer))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s.signature = add("application/vnd.example.signature", h.index, "a signature")
	s.of = add("application/vnd.example.timestamp", s.signature, "a timestamp")
	s.sbom = add("application/spdx+json", h.amd, "what is inside")
	s.sig = add("application/vnd.example.simple", "", "a signature by a tag")
	if err := h.registry.Tag(repository, tagOf(h.index)+".sig", s.sig); err != nil {
		t.Fatal(err)
	}
	return s
}

func tagOf(d string) string { return strings.Replace(d, ":", "-", 1) }

// referring returns the digests of the manifests in a bundle that don't belong to the image of postgresql-k8s itself.
func referring(h *hub, head *bundle.Head) (out []string) {
	for _, m := range head.Images {
		if d := m.Digest.String(); d != h.index && d != h.amd && d != h.arm {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}

// TestReferrers exports an image with its referrers.
func TestReferrers(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	s := sign(t, h)
	e, _ := h.exporter(t)
	p := fetch(t, e, wanted(t, k8s))
	head := pack(t, e, p)
	if got, want := referring(h, head), slices.Sorted(slices.Values([]string{s.signature, s.of, s.sbom, s.sig})); !slices.Equal(got, want) {
		t.Errorf("referrers %q, want %q", got, want)
	}
	if tags := head.CharmResources[0].Image.Tags; len(tags) != 1 || tags[tagOf(h.index)+".sig"] != s.sig {
		t.Errorf("tags %v", tags)
	}
	if len(p.Unfetched) > 0 || p.Charms[0].Resources[0].Referrers() != 4 {
		t.Errorf("%d referrers, unfetched %v", p.Charms[0].Resources[0].Referrers(), p.Unfetched)
	}
	// An export of one architecture takes what refers to its parts.
	req := wanted(t, k8s)
	req.Charms.ImageArchitectures = []string{"arm64"}
	if got := referring(h, pack(t, e, fetch(t, e, req))); slices.Contains(got, s.sbom) || len(got) != 3 {
		t.Errorf("for arm64: referrers %q", got)
	}
	req.Charms.NoReferrers = true
	n := h.registry.Count("/v2/" + repository + "/referrers/")
	head = pack(t, e, fetch(t, e, req))
	if got := referring(h, head); len(got) > 0 || head.CharmResources[0].Image.Tags != nil || h.registry.Count("/v2/"+repository+"/referrers/") != n {
		t.Errorf("without referrers: %q, tags %v", got, head.CharmResources[0].Image.Tags)
	}
}

// TestReferrersByTag exports from a registry without the referrers API.
func TestReferrersByTag(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.registry = upstreamtest.NewRegistry(upstreamtest.RegistryOptions{NoReferrers: true})
	srv := httptest.NewServer(h.registry.Handler())
	t.Cleanup(srv.Close)
	amd, err := h.registry.AddImage(repository, upstreamtest.Image{Seed: "pg"})
	if err != nil {
		t.Fatal(err)
	}
	h.index, h.amd, h.arm = amd, amd, amd
	s := sign(t, h)
	list, err := h.registry.AddIndex(repository, false, s.signature)
	if err == nil {
		err = h.registry.Tag(repository, tagOf(amd), list)
	}
	if err == nil {
		err = h.AddCharmResource("postgresql-k8s", upstreamtest.CharmResource{Name: "postgresql-image", Revision: 8, Image: &upstreamtest.ImageBlob{
			Ref: strings.TrimPrefix(srv.URL, "http://") + "/" + repository + "@" + amd}})
	}
	if err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	head := pack(t, e, fetch(t, e, wanted(t, "applications: {pg: {charm: postgresql-k8s, resources: {postgresql-image: 8}}}")))
	if got, want := referring(h, head), slices.Sorted(slices.Values([]string{s.signature, s.sig})); !slices.Equal(got, want) {
		t.Errorf("referrers %q, want %q", got, want)
	}
}

// TestReferrersThatFail exports an image although some of its referrers can't be fetched. They cost a warning.
func TestReferrersThatFail(t *testing.T) {
	t.Parallel()
	api := "/v2/" + repository + "/referrers/"
	for name, test := range map[string]struct {
		fault upstreamtest.Fault
		left  func(signatures) []string
	}{
		"no answer":  {upstreamtest.Fault{Path: api, Do: silent}, func(signatures) []string { return nil }},
		"status 500": {upstreamtest.Fault{Path: api, Do: broken}, func(signatures) []string { return nil }},
		"a layer": {upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/" + digest.FromString("a signature").String(), Do: notFound},
			func(s signatures) []string { return []string{s.sbom, s.sig} }},
		"a tag": {upstreamtest.Fault{Path: "/v2/" + repository + "/manifests/sha256-", Do: broken},
			func(s signatures) []string { return []string{s.signature, s.of, s.sbom} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			s := sign(t, h)
			h.registry.Inject(test.fault)
			e, _ := h.exporter(t)
			e.OptionalTime = time.Second
			p := fetch(t, e, wanted(t, k8s))
			want := slices.Sorted(slices.Values(test.left(s)))
			if got := referring(h, pack(t, e, p)); !slices.Equal(got, want) {
				t.Errorf("referrers %q, want %q", got, want)
			}
			if got := unfetched(p, exporter.PartReferrer); !slices.Equal(got, []string{"postgresql-k8s"}) {
				t.Errorf("unfetched %q", got)
			}
		})
	}
}

// TestReferrerBlobsTime exports an image with many signatures, whose layers never come. All of them share one short time.
func TestReferrerBlobsTime(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	const signatures = 12
	for i := range signatures {
		layer := fmt.Sprint("signature ", i)
		if _, err := h.registry.AddReferrer(repository, "application/vnd.example.signature", h.index, []byte(layer)); err != nil {
			t.Fatal(err)
		}
		h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/" + digest.FromString(layer).String(), Do: silent})
	}
	e, _ := h.exporter(t)
	e.Jobs, e.OptionalTime = 1, 2*time.Second
	start := time.Now()
	p := fetch(t, e, wanted(t, k8s))
	if took := time.Since(start); took > signatures*e.OptionalTime/2 {
		t.Errorf("the export waits %s for %d layers, want little more than %s", took, signatures, e.OptionalTime)
	}
	if got := unfetched(p, exporter.PartReferrer); !slices.Equal(got, []string{"postgresql-k8s"}) || len(pack(t, e, p).Images) != 3 {
		t.Errorf("unfetched %q", got)
	}
}

// TestReferrersTime exports several images from a registry that answers slowly about referrers. All images share one short time.
func TestReferrersTime(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	const images = 60 // too many to ask about all of them at once
	apps := ""
	for i := range images {
		name := "image-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		d, err := h.registry.AddImage(repository, upstreamtest.Image{Seed: name})
		err = errors.Join(err,
			h.AddCharm(upstreamtest.Charm{Name: name, Publisher: upstreamtest.Publisher{ID: "p", Username: "p", DisplayName: "P", Validation: "unproven"}}),
			h.AddCharmRevision(name, upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{
				Metadata: "name: " + name + "\nsummary: x\nresources:\n  image:\n    type: oci-image\n", Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64")}}}),
			h.AddCharmResource(name, upstreamtest.CharmResource{Name: "image", Revision: 1, Image: &upstreamtest.ImageBlob{
				Ref: h.host + "/" + repository + "@" + d, Username: registryUser, Password: registrySecret}}),
			h.ReleaseCharm(name, "latest/stable", upstreamtest.Base{}, 1, map[string]int{"image": 1}))
		if err != nil {
			t.Fatal(err)
		}
		apps += fmt.Sprintf("  %s: {charm: %s}\n", name, name)
	}
	h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/referrers/", Do: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(600 * time.Millisecond)
			next.ServeHTTP(w, r)
		})
	}})
	e, _ := h.exporter(t)
	e.Jobs, e.OptionalTime = 1, time.Second
	p := fetch(t, e, wanted(t, "applications:\n"+apps))
	if got := unfetched(p, exporter.PartReferrer); len(got) == 0 {
		t.Errorf("all images of %d got their referrers in %s, which takes each of them 600 ms", images, e.OptionalTime)
	}
	if len(pack(t, e, p).Images) < images {
		t.Error("an image is missing")
	}
}
