package exporter_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// TestPublishedImages exports a bundle of Charmhub that names images for its resources. They are upstream, and not names inside: the charm's own
// image keeps its name, and each of the others comes under its own, or stays outside with a warning.
func TestPublishedImages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	open := upstreamtest.NewRegistry(upstreamtest.RegistryOptions{})
	srv := httptest.NewServer(open.Handler())
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	pla, err := open.AddImage("opensourcemano/pla", upstreamtest.Image{Seed: "pla"})
	err = errors.Join(err, open.Tag("opensourcemano/pla", "testing-daily", pla),
		h.AddCharm(upstreamtest.Charm{Name: "osm", Type: "bundle", Contains: []string{"postgresql-k8s"}}),
		h.AddCharmRevision("osm", upstreamtest.CharmRev{Revision: 4, CharmFiles: upstreamtest.CharmFiles{Bundle: "bundle: kubernetes\napplications:\n" +
			"  pla: {charm: postgresql-k8s, channel: 14/stable, resources: {postgresql-image: '" + host + "/opensourcemano/pla:testing-daily'}}\n" +
			"  again: {charm: postgresql-k8s, channel: 14/stable, resources: {postgresql-image: '" + host + "/opensourcemano/pla:testing-daily'}}\n" +
			"  gone: {charm: postgresql-k8s, channel: 14/stable, resources: {postgresql-image: '" + host + "/opensourcemano/gone:1'}}\n"}}),
		h.ReleaseCharm("osm", "latest/stable", upstreamtest.Base{}, 4, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		noImages bool
		images   []charm.Image
		warnings []string
	}{
		{false, []charm.Image{{Name: "opensourcemano/pla:testing-daily", Digest: pla, Source: host + "/opensourcemano/pla:testing-daily"}},
			[]string{"opensourcemano/gone:1, which stays outside: ", "so the cluster needs a mirror of " + host}},
		{true, nil, []string{"stays outside: a registry inside must serve it as opensourcemano/gone:1", "stays outside: a registry inside must serve it as opensourcemano/pla:testing-daily"}},
	} {
		e, _ := h.exporter(t)
		p := fetch(t, e, exporter.Request{Charms: &exporter.CharmRequest{Bundles: []exporter.CharmBundle{{Name: "osm"}}, Architectures: []string{"amd64"}, NoImages: c.noImages}})
		head := pack(t, e, p)
		var got []charm.Image
		for _, r := range head.CharmRevisions {
			got = append(got, r.Images...)
		}
		if diff := cmp.Diff(c.images, got); diff != "" {
			t.Errorf("no images %t: images of the bundle (-want +got):\n%s", c.noImages, diff)
		}
		if n := len(head.CharmResources); n != 1 || head.CharmResources[0].Image.Name != repository+"@"+h.index {
			t.Errorf("no images %t: the charm's own image is %+v", c.noImages, head.CharmResources[0].Image)
		}
		var have []string
		for _, m := range head.Images {
			have = append(have, m.Digest.String())
		}
		if slices.Contains(have, pla) == c.noImages || slices.Contains(have, h.index) == c.noImages {
			t.Errorf("no images %t: the bundle has %v", c.noImages, have)
		}
		if warnings := fmt.Sprint(strings.Join(p.Warnings, "\n")); len(p.Warnings) != len(c.warnings) || !strings.Contains(warnings, c.warnings[0]) || !strings.Contains(warnings, c.warnings[1]) {
			t.Errorf("no images %t: warnings\n%s\nwant %q", c.noImages, warnings, c.warnings)
		}
		if gaps := p.Set().Gaps(); len(gaps) != 0 {
			t.Errorf("no images %t: gaps %v", c.noImages, gaps)
		}
	}
}
