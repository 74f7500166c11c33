package exporter_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// TestDamagedArchive checks that a charm's metadata isn't read from a cached file that is damaged or lost, and that the file is downloaded
// again.
func TestDamagedArchive(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string, b []byte) error{
		"no zip":       func(path string, b []byte) error { return os.WriteFile(path, make([]byte, len(b)), 0o644) },
		"another text": func(path string, b []byte) error { b[len(b)/2] ^= 1; return os.WriteFile(path, b, 0o644) },
		"gone":         func(path string, _ []byte) error { return os.Remove(path) },
	} {
		h := newHub(t)
		e, _ := h.exporter(t)
		want := pack(t, e, fetch(t, e, wanted(t, k8s))).CharmRevisions[0]
		path, err := e.Cache.Blobs.Path(want.Blob.Digest)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err == nil {
			err = errors.Join(os.Chmod(path, 0o644), damage(path, b))
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Cache, err = exporter.OpenCache(filepath.Dir(filepath.Dir(path))); err != nil {
			t.Fatal(err)
		}
		p, err := e.Plan(t.Context(), wanted(t, k8s))
		if err == nil {
			err = e.Fetch(t.Context(), p)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) && name != "another text" {
			t.Errorf("%s: not mended: %v", name, err)
		}
		if got := pack(t, e, p).CharmRevisions[0]; got.Revision.MetadataYAML != want.Revision.MetadataYAML {
			t.Errorf("%s: metadata.yaml is %q, want %q", name, got.Revision.MetadataYAML, want.Revision.MetadataYAML)
		}
	}
}

// TestImageContradictions tries images that no bundle could hold. They must be refused before the first layer is downloaded.
func TestImageContradictions(t *testing.T) {
	t.Parallel()
	child := func(mediaType, d string, size int) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, d, size)
	}
	for want, ref := range map[string]func(h *hub) string{
		"its index says": func(h *hub) string { // once unchanged
			n := len(h.registry.Manifest(repository, h.amd))
			return h.addIndex(child(ociManifest, h.amd, n) + "," + child(ociManifest, h.amd, n+1))
		},
		"its index says \"application/vnd.oci.image.index": func(h *hub) string {
			return h.addIndex(child("application/vnd.oci.image.index.v1+json", h.amd, len(h.registry.Manifest(repository, h.amd))))
		},
		"the manifests of all images have more than": func(h *hub) string {
			raw := append(h.registry.Manifest(repository, h.amd), bytes.Repeat([]byte(" "), 1_000_000)...)
			var all []string
			for range 60 {
				raw = append(raw, ' ')
				all = append(all, child(ociManifest, h.registry.AddManifest(repository, ociManifest, raw), len(raw)))
			}
			return h.addIndex(strings.Join(all, ","))
		},
	} {
		h := newHub(t)
		if err := badImage(func(h *hub) string { return "@" + ref(h) })(h); err != nil {
			t.Fatal(err)
		}
		e, _ := h.exporter(t)
		_, err := e.Plan(t.Context(), wanted(t, k8s))
		var store *exporter.StoreError
		if !errors.As(err, &store) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want the store's fault with %q", err, want)
		}
	}
}

// TestCharmTooMuch tries metadata that no bundle could hold. It must be refused before anything is downloaded.
func TestCharmTooMuch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5<<20)
	for want, r := range map[string][3]string{
		"over a limit":                    {"info", `"summary":"`, `"summary":"` + strings.Repeat("<", 3<<20)}, // six bytes each in a config
		"its version has":                 {"refresh", `"version":"5"`, `"version":"` + long + `"`},
		"want a plain name":               {"refresh", `"filename":"c.ini"`, `"filename":"../c.ini"`},
		"digests of some bytes":           {"refresh", `"size":3000`, `"size":0`},
		"the size 1099511627777":          {"refresh", `"size":3000`, `"size":1099511627777`},
		"":                                {"info", `"relations":{}`, `"relations":{"provides":{"x":"` + long + `"}}`},
		"revision 2147483648: out of ran": {"refresh", `"revision":2,`, `"revision":2147483648,`},
	} {
		h := newHub(t)
		h.Inject(upstreamtest.Fault{Path: "/v2/charms/" + r[0], Do: upstreamtest.Rewrite(r[1], r[2])})
		e, _ := h.exporter(t)
		p, err := e.Plan(t.Context(), wanted(t, "applications: {a: {charm: pgbouncer}}"))
		var store *exporter.StoreError
		if want != "" && (!errors.As(err, &store) || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want the store's fault with %q", err, want)
		}
		if want == "" {
			err = errors.Join(err, e.Fetch(t.Context(), p))
			if _, derr := e.Builder(exporter.Part{Snaps: p.Snaps, Charms: p.Charms, Assertions: p.Assertions}); derr != nil || err != nil {
				t.Errorf("relations that are too long: %v", errors.Join(err, derr))
			}
		}
	}
}

// TestSameLayerTwoSizes tries two images that give one layer different sizes. One of them must be wrong.
func TestSameLayerTwoSizes(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	raw := string(h.registry.Manifest(repository, h.amd))
	size := raw[strings.LastIndex(raw, `"size":`):]
	size = size[:strings.IndexAny(size, ",}")]
	other := h.registry.AddManifest(repository, ociManifest, []byte(strings.Replace(raw, size, size+"0", 1)))
	err := errors.Join(
		h.AddCharm(upstreamtest.Charm{Name: "app"}),
		h.AddCharmRevision("app", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{
			Metadata: "name: app\nsummary: x\nresources:\n  image:\n    type: oci-image\n", Bases: []upstreamtest.Base{upstreamtest.Ubuntu("22.04", "amd64")}}}),
		h.AddCharmResource("app", upstreamtest.CharmResource{Name: "image", Revision: 1, Image: &upstreamtest.ImageBlob{
			Ref: h.host + "/" + repository + "@" + other, Username: registryUser, Password: registrySecret}}),
		h.ReleaseCharm("app", "stable", upstreamtest.Base{}, 1, map[string]int{"image": 1}))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := h.exporter(t)
	p, err := e.Plan(t.Context(), wanted(t, "applications: {a: {charm: app}, b: {charm: postgresql-k8s}}"))
	if err == nil {
		err = e.Fetch(t.Context(), p)
	}
	var store *exporter.StoreError
	if !errors.As(err, &store) || !strings.Contains(err.Error(), "with the same digest") {
		t.Errorf("got %v, want the store's fault", err)
	}
	if n := h.registry.Count("/v2/" + repository + "/blobs/"); n > 0 {
		t.Errorf("%d layers were asked for", n)
	}
}

// TestTrimKnowsTheLatestUse checks that a blob with two digests counts as used when either of them was used.
func TestTrimKnowsTheLatestUse(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	e, _ := h.exporter(t)
	head := pack(t, e, fetch(t, e, wanted(t, "applications: {a: {charm: pgbouncer}}")))
	charm, resource := head.CharmRevisions[0].Blob, head.CharmResources[0].Blob
	path, err := e.Cache.Blobs.Path(charm.Digest)
	if err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(filepath.Dir(filepath.Dir(path)), ".sha3-384")
	entries, err := os.ReadDir(notes)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range entries {
		at := time.Now().Add(-time.Hour)
		if text, err := os.ReadFile(filepath.Join(notes, n.Name())); err != nil {
			t.Fatal(err)
		} else if strings.HasPrefix(string(text), resource.Digest.String()) {
			at = at.Add(-time.Hour)
		}
		if err := os.Chtimes(filepath.Join(notes, n.Name()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	// It is also a layer of an image that was exported just now.
	key := "sha256-" + resource.Digest.Encoded()
	sum := sha256.Sum256([]byte(key + " " + resource.Digest.String()))
	if err := os.WriteFile(filepath.Join(notes, key), fmt.Appendf(nil, "%s %x\n", resource.Digest, sum[:8]), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Cache.Trim(resource.Size); err != nil {
		t.Fatal(err)
	}
	if e.Cache.Blobs.Has(charm.Digest) || !e.Cache.Blobs.Has(resource.Digest) {
		t.Error("Trim removed what was used last")
	}
}
