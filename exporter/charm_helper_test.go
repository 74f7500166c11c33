package exporter_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

// hub is a simulated Charmhub with a registry.
type hub struct {
	*upstreamtest.Store
	registry *upstreamtest.Registry
	host     string
	// image is the index of postgresql-k8s' image; arm and amd are the manifests in it.
	index, amd, arm string
}

const repository = "charm/kotcfrohea62xreenq1q75n1lyspke0qkurhk/postgresql-image"

// The registry's credentials, which no output may contain.
const (
	registryUser   = "docker-registry"
	registrySecret = "macaroon-of-the-registry"
)

// newHub returns a hub with postgresql-k8s (an image, 14/stable for 22.04 and 20.04), pgbouncer (a file and its own snap), and a bundle of
// both.
func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{Store: demo(t), registry: upstreamtest.NewRegistry(upstreamtest.RegistryOptions{Username: registryUser, Password: registrySecret})}
	srv := httptest.NewServer(h.registry.Handler())
	t.Cleanup(srv.Close)
	h.host = strings.TrimPrefix(srv.URL, "http://")
	var err error
	must := func(e error) { err = errors.Join(err, e) }
	add := func(d string, e error) string { must(e); return d }
	h.amd = add(h.registry.AddImage(repository, upstreamtest.Image{Seed: "pg"}))
	h.arm = add(h.registry.AddImage(repository, upstreamtest.Image{Seed: "pg", Arch: "arm64", Docker: true}))
	h.index = add(h.registry.AddIndex(repository, false, h.amd, h.arm))
	publisher := upstreamtest.Publisher{ID: "dataplatform", Username: "data-platform", DisplayName: "Data Platform", Validation: "verified"}
	must(h.AddCharm(upstreamtest.Charm{Name: "postgresql-k8s", DefaultTrack: "14", Publisher: publisher, Icon: []byte("\x89PNG\r\n\x1a\n and so on")}))
	must(h.AddCharmRevision("postgresql-k8s", upstreamtest.CharmRev{Revision: 20, CharmFiles: upstreamtest.CharmFiles{
		Metadata: "name: postgresql-k8s\nsummary: PostgreSQL\nresources:\n  postgresql-image:\n    type: oci-image\n",
		Config:   "options: {}\n", Payload: 20_000,
		Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64"), upstreamtest.Ubuntu("20.04", "amd64"), upstreamtest.Ubuntu("22.04", "arm64")},
	}}))
	must(h.AddCharmResource("postgresql-k8s", upstreamtest.CharmResource{Name: "postgresql-image", Revision: 7, Image: &upstreamtest.ImageBlob{
		Ref: h.host + "/" + repository + "@" + h.index, Username: registryUser, Password: registrySecret}}))
	must(h.ReleaseCharm("postgresql-k8s", "14/stable", upstreamtest.Base{}, 20, map[string]int{"postgresql-image": 7}))
	must(h.AddCharm(upstreamtest.Charm{Name: "pgbouncer", Publisher: publisher}))
	must(h.AddCharmRevision("pgbouncer", upstreamtest.CharmRev{Revision: 5, CharmFiles: upstreamtest.CharmFiles{
		Metadata: "name: pgbouncer\nsummary: Pool\nresources:\n  config:\n    type: file\n    filename: c.ini\n  extra:\n    type: file\n    filename: x\n",
		Bases:    []upstreamtest.Base{upstreamtest.Ubuntu("20.04", "all")}, Files: map[string]string{"src/charm.py": "SNAP_PACKAGES = [(\"hello\", {\"revision\": {\"x86_64\": \"38\", \"aarch64\": \"38\"}})]\n"},
	}}))
	for n := 1; n <= 2; n++ {
		must(h.AddCharmResource("pgbouncer", upstreamtest.CharmResource{Name: "config", Filename: "c.ini", Revision: n, Blob: upstreamtest.Random("config"+string(rune('0'+n)), 3000)}))
	}
	must(h.AddCharmResource("pgbouncer", upstreamtest.CharmResource{Name: "extra", Filename: "x"}))
	must(h.ReleaseCharm("pgbouncer", "latest/stable", upstreamtest.Base{}, 5, map[string]int{"config": 2, "extra": 0}))
	must(h.AddCharm(upstreamtest.Charm{Name: "pg-bundle", Type: "bundle", Contains: []string{"postgresql-k8s", "pgbouncer"}}))
	must(h.AddCharmRevision("pg-bundle", upstreamtest.CharmRev{Revision: 3, CharmFiles: upstreamtest.CharmFiles{
		Bundle: "bundle: kubernetes\napplications:\n  pg:\n    charm: postgresql-k8s\n    channel: 14/stable\n    scale: 1\n  pool:\n    charm: ch:pgbouncer\n"}}))
	must(h.ReleaseCharm("pg-bundle", "latest/edge", upstreamtest.Base{}, 3, nil))
	must(h.ReleaseCharm("pg-bundle", "latest/stable", upstreamtest.Base{}, 3, nil))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// exporter returns an exporter that exports from h.
func (h *hub) exporter(t *testing.T) (*exporter.Exporter, *recorder) {
	t.Helper()
	e, r := newExporter(t, h.Store)
	e.Charmhub = e.Client // one host serves both
	e.Registry = upstream.RegistryConfig{Backoff: func(int) time.Duration { return time.Millisecond }}
	return e, r
}

// wanted returns a request for applications, in the form of a YAML file.
func wanted(t *testing.T, text string) exporter.Request {
	t.Helper()
	f, err := charm.ParseBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return exporter.Request{Charms: &exporter.CharmRequest{Applications: f.Applications, Architectures: []string{"amd64"}}}
}
