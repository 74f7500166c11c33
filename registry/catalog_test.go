package registry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/registry"
)

// TestNewCatalog replaces the catalogue under a server, and checks that each request sees one or the other.
func TestNewCatalog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var logged bytes.Buffer
	r := registry.New(registry.Config{Blobs: f.blobs.Storage(), Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	url := "http://" + listen(t, r) + "/v2/"
	if got := do(t, "GET", url+"a/manifests/1"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("before there is a catalogue: %s", got.Status)
	}
	first, second := f.image(randomImage(t)), f.image(randomImage(t))
	f.resource("db", "image", "a:1", first)
	f.resource("db", "image", "Not A Name", first)
	f.resource("db", "image", "a@"+first.String(), second)
	must(t, r.SetSnapshot(f.cat))
	if got := do(t, "HEAD", url+"a/manifests/1").Header.Get("Docker-Content-Digest"); got != first.String() {
		t.Errorf("a:1 = %s, want %s", got, first)
	}
	if n := strings.Count(logged.String(), "odd catalogue"); n != 2 {
		t.Errorf("%d warnings, want 2:\n%s", n, logged.String())
	}
	// The newest revision has the tag; the old one is still available by its digest.
	next := *f.cat
	next.Charms = []catalog.Charm{{Name: "db"}}
	for i, dg := range []digest.Digest{first, second} {
		next.Charms[0].Resources = append(next.Charms[0].Resources, catalog.CharmResource{Image: &charm.Image{Name: "a:1", Digest: dg.String()}})
		next.Charms[0].Resources[i].Name, next.Charms[0].Resources[i].Revision = "image", i+1
	}
	must(t, r.SetSnapshot(&next))
	if got := do(t, "HEAD", url+"a/manifests/1").Header.Get("Docker-Content-Digest"); got != second.String() {
		t.Errorf("a:1 = %s, want %s", got, second)
	}
	if got := do(t, "HEAD", url+"a/manifests/"+first.String()); got.StatusCode != 200 {
		t.Errorf("the older revision: %s", got.Status)
	}
	// A catalogue that contradicts itself changes nothing.
	for name, bad := range map[string]catalog.Snapshot{
		"twice":      {Images: []catalog.Image{{Digest: first}, {Digest: first}}},
		"no address": {Images: []catalog.Image{{Digest: "sha256:x"}}},
	} {
		if err := r.SetSnapshot(&bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := do(t, "HEAD", url+"a/manifests/1"); got.StatusCode != 200 {
		t.Errorf("after a bad catalogue: %s", got.Status)
	}
}

// TestNewerElsewhere asks for images that a newer catalogue has, of which the registry has not heard yet.
func TestNewerElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := f.image(randomImage(t)), f.image(randomImage(t))
	f.resource("db", "image", "a:1", first)
	older := *f.cat
	var asked atomic.Int64
	var r *registry.Registry
	r = registry.New(registry.Config{Blobs: f.blobs.Storage(), AwaitNewer: func(context.Context) bool {
		if asked.Add(1) == 1 {
			return false
		}
		must(t, r.SetSnapshot(f.cat))
		return true
	}})
	must(t, r.SetSnapshot(&older))
	f.resource("web", "image", "b:1", second)
	url := "http://" + listen(t, r) + "/v2/"
	for i, want := range []int{503, 200, 200} {
		if got := do(t, "GET", url+"b/manifests/"+second.String()); got.StatusCode != want {
			t.Errorf("request %d: %s, want %d", i, got.Status, want)
		}
	}
	if got := do(t, "GET", url+"a/manifests/1"); got.StatusCode != 200 || asked.Load() != 2 {
		t.Errorf("%s, and %d questions about newer catalogues, want 2", got.Status, asked.Load())
	}
	if got := do(t, "GET", url+"a/manifests/none"); got.StatusCode != 404 {
		t.Errorf("a missing tag: %s", got.Status)
	}
}

// TestDamage removes and shortens files, and checks that nothing damaged is sent.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	m := s.manifest(s.image)
	must(t, s.blobs.Remove(m.Blobs[0].Digest))
	must(t, os.Truncate(value(s.blobs.Path(m.Blobs[1].Digest))(t), 10))
	must(t, s.blobs.Remove(s.index))
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"charm/db0/image/blobs/" + m.Blobs[0].Digest.String(): {404, "BLOB_UNKNOWN"},
		"charm/db0/image/blobs/" + m.Blobs[1].Digest.String(): {500, "UNKNOWN"},
		"mirror/web/manifests/14":                             {404, "MANIFEST_UNKNOWN"},
	} {
		got := do(t, "GET", s.url+path)
		if got.StatusCode != want.status || !strings.Contains(got.body, `"`+want.code+`"`) || !strings.Contains(got.body, "check the blobs") {
			t.Errorf("%s: %s %s, want %d %s", path, got.Status, got.body, want.status, want.code)
		}
	}
}

// TestIndexOfItself tries a catalogue whose indexes form a circle.
func TestIndexOfItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := digest.FromString("a"), digest.FromString("b")
	f.addManifest(catalog.Image{Digest: a, Children: []digest.Digest{b, a, a}})
	f.addManifest(catalog.Image{Digest: b, Children: []digest.Digest{a, nobody}})
	f.resource("db", "image", "a:1", a)
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	must(t, r.SetSnapshot(f.cat))
}

func FuzzPath(f *testing.F) {
	fx := newFixture(f)
	dg := nobody
	fx.addManifest(catalog.Image{Digest: dg, Blobs: []catalog.ImageBlob{{Digest: dg}}})
	fx.resource("db", "image", "a/manifests:1", dg)
	r := registry.New(registry.Config{Blobs: fx.blobs.Storage()})
	if err := r.SetSnapshot(fx.cat); err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "_catalog", "a/manifests/manifests/1", "a/manifests/tags/list", "a/blobs/" + dg.String(), "//", "a//manifests/1"} {
		f.Add("/v2/"+s, "GET")
	}
	f.Fuzz(func(t *testing.T, path, method string) {
		req := httptest.NewRequest("GET", "/", nil)
		req.Method, req.URL.Path = method, path
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if w.Code == http.StatusInternalServerError || w.Code == 0 {
			t.Errorf("%q %q: %d %s", method, path, w.Code, w.Body)
		}
	})
}
