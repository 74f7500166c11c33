package exporter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// refused answers with status 400.
func refused(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
}

// TestBlamed checks which items of a request are to blame for an error, and that the others can be exported without them.
func TestBlamed(t *testing.T) {
	t.Parallel()
	s := demo(t)
	s.Inject(upstreamtest.Fault{Path: "/v2/snaps/info/hello", Do: refused})
	e, _ := newExporter(t, s)
	req := exporter.Request{Names: []string{"jq", "hello"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true}
	_, err := e.Plan(t.Context(), req)
	if got := exporter.Blamed(err); !slices.Equal(got, []exporter.Item{{Snap: "hello"}}) {
		t.Fatalf("%v is blamed on %v", err, got)
	}
	req.Without = exporter.Blamed(err)
	p := fetch(t, e, req)
	if len(p.Snaps) != 1 || p.Snaps[0].Listing.Name != "jq" {
		t.Errorf("%d snaps", len(p.Snaps))
	}
	if got := exporter.Blamed(fmt.Errorf("%w: x", exporter.ErrConflict)); got != nil {
		t.Errorf("a conflict is blamed on %v", got)
	}
	if got := exporter.Blamed(errors.New("no space left on device")); got != nil {
		t.Errorf("this host's error is blamed on %v", got)
	}
}

// TestBlamedArchitecture exports a snap whose base is missing for one architecture. That costs the snap for that architecture.
func TestBlamedArchitecture(t *testing.T) {
	t.Parallel()
	s := demo(t)
	if err := s.Close("core22", "arm64", "stable"); err != nil {
		t.Fatal(err)
	}
	e, _ := newExporter(t, s)
	req := exporter.Request{Names: []string{"gnome-calculator", "hello"}, Channels: []string{"stable"}, Architectures: []string{"amd64", "arm64"},
		Withdrawn: exporter.WithdrawnError}
	_, err := e.Plan(t.Context(), req)
	if got := exporter.Blamed(err); !slices.Equal(got, []exporter.Item{{Snap: "gnome-calculator", Architecture: "arm64"}}) {
		t.Fatalf("%v is blamed on %v", err, got)
	}
	req.Without = exporter.Blamed(err)
	p, err := e.Plan(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	for _, sn := range p.Snaps {
		archs := make(map[string]bool)
		for _, r := range sn.Listing.ChannelMap {
			archs[r.Architecture] = true
		}
		if name := sn.Listing.Name; name == "gnome-calculator" && archs["arm64"] || name == "hello" && !archs["arm64"] {
			t.Errorf("%s is planned for %v", name, archs)
		}
	}
}

// TestWindowsChild exports an image whose index has a platform that can't be exported.
func TestWindowsChild(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	// The layers of Windows itself are available from the internet only.
	config := h.registry.Manifest(repository, h.amd)
	var doc map[string]any
	if err := json.Unmarshal(config, &doc); err != nil {
		t.Fatal(err)
	}
	doc["layers"] = []any{map[string]any{"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": "sha256:" + strings.Repeat("a", 64),
		"size": 9, "urls": []string{"https://example.com/layer"}}}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	const manifest, index = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
	windows := h.registry.AddManifest(repository, manifest, raw)
	child := func(d, os string) map[string]any {
		m := h.registry.Manifest(repository, d)
		return map[string]any{"mediaType": manifest, "digest": d, "size": len(m), "platform": map[string]string{"os": os, "architecture": "amd64"}}
	}
	list, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": index, "manifests": []any{child(windows, "windows"), child(h.amd, "linux")}})
	if err != nil {
		t.Fatal(err)
	}
	root := h.registry.AddManifest(repository, index, list)
	if err := h.AddCharmResource("postgresql-k8s", upstreamtest.CharmResource{Name: "postgresql-image", Revision: 9, Image: &upstreamtest.ImageBlob{
		Ref: h.host + "/" + repository + "@" + root, Username: registryUser, Password: registrySecret}}); err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	req := wanted(t, "applications: {pg: {charm: postgresql-k8s, resources: {postgresql-image: 9}}}")
	_, err = e.Plan(t.Context(), req)
	if got := exporter.Blamed(err); !slices.Equal(got, []exporter.Item{{Charm: "postgresql-k8s"}}) {
		t.Fatalf("%v is blamed on %v", err, got)
	}
	req.KeepGoing = true
	p := fetch(t, e, req)
	if len(p.LeftOut) != 1 || !strings.HasSuffix(p.LeftOut[0].Item, "windows/amd64") {
		t.Errorf("left out: %v", p.LeftOut)
	}
	var have []string
	for _, m := range pack(t, e, p).Images {
		have = append(have, m.Digest.String())
	}
	if slices.Sort(have); !slices.Equal(have, slices.Sorted(slices.Values([]string{root, h.amd}))) {
		t.Errorf("manifests %q", have)
	}
}

// TestKeepGoingSets exports validation sets of which some can't be exported: one pins a snap that the store does not give, and one is absent.
// A set is left out with any of its snaps.
func TestKeepGoingSets(t *testing.T) {
	t.Parallel()
	s := demo(t)
	acme := s.Brand()
	pin := func(name, revision string) any {
		return map[string]any{"name": name, "id": upstreamtest.ID(name), "revision": revision}
	}
	s.AddAssertions(acme.ValidationSet("good", 1, []any{pin("jq", "6")}, nil), acme.ValidationSet("bad", 1, []any{pin("jq", "8"), pin("hello", "38")}, nil))
	s.Inject(upstreamtest.Fault{Path: "/v2/snaps/info/hello", Do: refused})
	e, _ := newExporter(t, s)
	req := exporter.Request{Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true,
		AccountKeys: []exporter.AccountKey{{Account: "acme", ID: acme.Key.KeyID()}, {Account: "acme", ID: strings.Repeat("A", 64)}}}
	for _, name := range []string{"bad", "good", "none"} {
		req.ValidationSets = append(req.ValidationSets, exporter.ValidationSet{Account: acme.ID, Name: name})
	}
	var left []string
	var p *exporter.Plan
	for {
		var err error
		if p, err = e.Plan(t.Context(), req); err == nil {
			err = e.Fetch(t.Context(), p)
		}
		if err == nil {
			break
		}
		blamed := exporter.Blamed(err)
		if len(blamed) == 0 || len(left) > 3 {
			t.Fatalf("%v is blamed on %v", err, blamed)
		}
		for _, i := range blamed {
			left = append(left, i.String())
		}
		req.Without = append(req.Without, blamed...)
	}
	if want := []string{"account-key " + strings.Repeat("A", 64), "validation set acme/none", "snap hello"}; !slices.Equal(left, want) {
		t.Errorf("left out %q, want %q", left, want)
	}
	if len(p.LeftOut) != 1 || p.LeftOut[0] != (exporter.LeftOut{Item: "validation set acme/bad", Reason: "it needs the snap hello, which is left out"}) {
		t.Errorf("left out with a snap: %v", p.LeftOut)
	}
	h := pack(t, e, p)
	var got []string
	for _, a := range h.Assertions {
		got = append(got, a.Ref.Type)
	}
	if !slices.Equal(got, []string{"account-key", "validation-set"}) || len(h.Revisions) != 1 || h.Revisions[0].Revision.Number != 6 {
		t.Errorf("the bundle has the assertions %q and %d revisions, want the key, the set good and jq", got, len(h.Revisions))
	}
}

// TestKeepGoingBundle leaves out a charm bundle itself. Its charms are exported without it.
func TestKeepGoingBundle(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	req := exporter.Request{Charms: &exporter.CharmRequest{Bundles: []exporter.CharmBundle{{Name: "pg-bundle"}}, Architectures: []string{"amd64"}, NoImages: true}}
	req.Without = []exporter.Item{{Charm: "pg-bundle"}}
	var got []string
	for _, c := range pack(t, e, fetch(t, e, req)).Charms {
		got = append(got, c.Name)
	}
	if want := []string{"pgbouncer", "postgresql-k8s"}; !slices.Equal(got, want) {
		t.Errorf("exported %q, want %q", got, want)
	}
}
