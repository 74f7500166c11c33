package registry_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/registry"
)

// largeIndex adds an index of indexes, with n times 500 manifests.
func (f *fixture) largeIndex(name string, n int) digest.Digest {
	f.t.Helper()
	root := catalog.Image{Digest: digest.FromString(name)}
	for i := range n {
		index := catalog.Image{Digest: digest.FromString(fmt.Sprint(name, i))}
		for j := range 500 {
			m := catalog.Image{Digest: digest.FromString(fmt.Sprint(name, i, ".", j)), Blobs: []catalog.ImageBlob{{Digest: digest.FromString(fmt.Sprint("blob", name, i, ".", j)), Size: 1}}}
			f.addManifest(m)
			index.Children = append(index.Children, m.Digest)
		}
		f.addManifest(index)
		root.Children = append(root.Children, index.Digest)
	}
	f.addManifest(root)
	return root.Digest
}

// TestManyNamesOfALargeImage bounds the memory for many names of one large image: a signer of a bundle must not make the store use
// a multiple of the bundle's memory.
func TestManyNamesOfALargeImage(t *testing.T) {
	f := newFixture(t)
	large := f.largeIndex("large", 4)
	for i := range 500 {
		f.resource("db", fmt.Sprint("image", i), fmt.Sprintf("repo%d:1", i), large)
	}
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	must(t, r.SetSnapshot(f.cat))
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := int64(after.HeapAlloc) - int64(before.HeapAlloc); n > 20<<20 {
		t.Errorf("500 names of an image of 2000 manifests take %d MiB", n>>20)
	}
	runtime.KeepAlive(r)
}

// TestTooManyManifests checks that an image with more manifests than any real one is left out, and that the others are served.
func TestTooManyManifests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	small := f.image(randomImage(t))
	f.resource("db", "large", "large:1", f.largeIndex("large", 5))
	f.resource("db", "small", "small:1", small)
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	must(t, r.SetSnapshot(f.cat))
	url := "http://" + listen(t, r) + "/v2/"
	if got := do(t, "GET", url+"_catalog").body; got != `{"repositories":["small"]}` {
		t.Errorf("_catalog = %s, want small alone", got)
	}
	for _, ref := range []string{"1", small.String()} {
		if got := do(t, "HEAD", url+"small/manifests/"+ref); got.StatusCode != 200 {
			t.Errorf("small/manifests/%s: %s", ref, got.Status)
		}
	}
}

// TestTagOfAnAbsentImage checks that the image of an older revision is not served as the image of a newer one, whose own was left
// out of the export.
func TestTagOfAnAbsentImage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.image(randomImage(t))
	f.resource("db", "image", "a:1", old)
	f.resource("db", "image", "a:1", digest.FromString("left out"))
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	must(t, r.SetSnapshot(f.cat))
	url := "http://" + listen(t, r) + "/v2/a/manifests/"
	for ref, want := range map[string]int{"1": 404, old.String(): 200} {
		if got := do(t, "HEAD", url+ref).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", ref, got, want)
		}
	}
}

// TestNameOfTwoImages checks the warning for two charms whose images have one name. The operator of the exporter made the error,
// and clients would notice it with one of the charms only.
func TestNameOfTwoImages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.resource("db", "image", "a:1", f.image(randomImage(t)))
	f.resource("web", "image", "a:1", f.image(randomImage(t)))
	var logged bytes.Buffer
	r := registry.New(registry.Config{Blobs: f.blobs.Storage(), Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	must(t, r.SetSnapshot(f.cat))
	if s := logged.String(); !strings.Contains(s, "a:1 is the name of another image, too: that of charm db") {
		t.Errorf("logged %q, want a warning that names both charms", s)
	}
}

// TestImageOfABundle checks that an image which a charm bundle names for an application is served by its tag, like the image of a resource.
func TestImageOfABundle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	root := f.image(randomImage(t))
	f.cat.Charms = []catalog.Charm{{Name: "osm", Type: charm.TypeBundle, Revisions: []catalog.CharmRevision{
		{Revision: charm.Revision{Number: 4}, Images: []charm.Image{{Name: "opensourcemano/pla:testing-daily", Digest: root.String()}}}}}}
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	must(t, r.SetSnapshot(f.cat))
	url := "http://" + listen(t, r) + "/v2/opensourcemano/pla/manifests/"
	for _, ref := range []string{"testing-daily", root.String()} {
		if got := do(t, "HEAD", url+ref); got.StatusCode != 200 || got.Header.Get("Docker-Content-Digest") != root.String() {
			t.Errorf("%s: %s, %v", ref, got.Status, got.Header)
		}
	}
}
