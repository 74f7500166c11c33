package exporter_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/exporter"
	"offlinestore/internal/doctest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/upstream"
)

const k8s = "applications: {pg: {charm: postgresql-k8s}}"

// bomb returns YAML in which each alias repeats the one before.
func bomb() string {
	s := "name: bad\nsummary: x\na0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		s += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	return s
}

// badCharm releases a charm with an invalid archive.
func badCharm(blob upstreamtest.Blob, files upstreamtest.CharmFiles) func(*hub) error {
	return func(h *hub) error {
		return errors.Join(h.AddCharm(upstreamtest.Charm{Name: "bad"}),
			h.AddCharmRevision("bad", upstreamtest.CharmRev{Revision: 1, Blob: blob, CharmFiles: files}),
			h.ReleaseCharm("bad", "stable", upstreamtest.Base{}, 1, nil))
	}
}

// badImage replaces the image of postgresql-k8s.
func badImage(ref func(h *hub) string) func(*hub) error {
	return func(h *hub) error {
		return errors.Join(
			h.AddCharmResource("postgresql-k8s", upstreamtest.CharmResource{Name: "postgresql-image", Revision: 8, Image: &upstreamtest.ImageBlob{
				Ref: h.host + "/" + repository + ref(h), Username: registryUser, Password: registrySecret}}),
			h.ReleaseCharm("postgresql-k8s", "14/stable", upstreamtest.Base{}, 20, map[string]int{"postgresql-image": 8}))
	}
}

// addIndex adds an index to the registry, with children in the form of their JSON.
func (h *hub) addIndex(children string) string {
	const mediaType = "application/vnd.oci.image.index.v1+json"
	return h.registry.AddManifest(repository, mediaType, []byte(`{"schemaVersion":2,"mediaType":"`+mediaType+`","manifests":[`+children+`]}`))
}

func child(d string, size int) string {
	return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.index.v1+json","digest":%q,"size":%d}`, d, size)
}

// badUpstream is a fault upstream, and a row of the table in docs/errors.md.
type badUpstream struct {
	name, yaml string
	edit       func(h *hub) error
	want       string
}

func badUpstreams() []badUpstream {
	const bad = "applications: {a: {charm: bad}}"
	zeros := upstreamtest.Bytes(upstreamtest.MakeArchive(upstreamtest.CharmFiles{Metadata: "name: bad\n# " + strings.Repeat("x", 10<<20)}))
	return []badUpstream{
		{"`.charm` that is no zip", bad, badCharm(upstreamtest.Random("x", 5000), upstreamtest.CharmFiles{}), "bad revision 1: "},
		{"`.charm` that is a zip bomb", bad, badCharm(zeros, upstreamtest.CharmFiles{}), "metadata.yaml"},
		{"YAML bomb in a `.charm`", bad, badCharm(nil, upstreamtest.CharmFiles{Metadata: bomb()}), "too many values"},
		{"`.charm` of another charm", bad, badCharm(nil, upstreamtest.CharmFiles{Metadata: "name: other\nsummary: x\n"}), "metadata.yaml is of other"},
		{"charm with another SHA-256", k8s, func(h *hub) error {
			h.AnnounceCharm("postgresql-k8s", 20, strings.Repeat("ab", 32), 0)
			return nil
		}, "postgresql-k8s revision 20: its SHA-256 is "},
		{"charm with another size", k8s, func(h *hub) error {
			h.AnnounceCharm("postgresql-k8s", 20, "", 10)
			return nil
		}, "the store announced 10"},
		{"resource with another SHA-256", "applications: {a: {charm: pgbouncer}}", func(h *hub) error {
			h.AnnounceCharmResource("pgbouncer", "config", 2, strings.Repeat("ab", 32), "", 0)
			return nil
		}, "resource config revision 2 of pgbouncer: its SHA-256 is "},
		{"resource with another SHA-384", "applications: {a: {charm: pgbouncer}}", func(h *hub) error {
			h.AnnounceCharmResource("pgbouncer", "config", 2, "", strings.Repeat("ab", 48), 0)
			return nil
		}, "resource config revision 2 of pgbouncer: its SHA-384 is "},
		{"blob of an image resource with another SHA-384", k8s, func(h *hub) error {
			h.AnnounceCharmResource("postgresql-k8s", "postgresql-image", 7, "", strings.Repeat("ab", 48), 0)
			return nil
		}, "resource postgresql-image revision 7: download where it is: its SHA-384 is "},
		{"blob of an image resource that is too large", k8s, func(h *hub) error {
			h.AnnounceCharmResource("postgresql-k8s", "postgresql-image", 7, "", "", 1<<20)
			return nil
		}, "1048576 bytes are over the limit"},
		{"blob of an image resource that names no image", k8s, badImage(func(h *hub) string { return "@sha1:00" }), "revision 8: parse image resource"},
		{"image that the registry lacks", k8s, badImage(func(h *hub) string { return "@sha256:" + strings.Repeat("00", 32) }), "not found"},
		{"image of which a manifest is missing", k8s, func(h *hub) error { h.registry.Remove(repository, h.arm); return nil }, "not found"},
		{"image of which a layer is missing", k8s, func(h *hub) error {
			h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/", Do: upstreamtest.Status(http.StatusNotFound)})
			return nil
		}, "resource postgresql-image revision 7 of postgresql-k8s: image " + repository + ": layer "},
		{"image with a damaged layer", k8s, func(h *hub) error {
			h.registry.Inject(upstreamtest.Fault{Path: "/v2/" + repository + "/blobs/", Do: upstreamtest.Corrupt(20)})
			return nil
		}, "its SHA-256 is "},
		{"index that refers to itself", k8s, badImage(func(h *hub) string {
			// No index can contain its own digest, so the registry has to lie.
			self := "sha256:" + strings.Repeat("11", 32)
			h.registry.Lie(repository, self, "application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"manifests":[`+child(self, 100)+`]}`))
			return "@" + self
		}), "the registry answered with another manifest"},
		{"indexes nested too deeply", k8s, badImage(func(h *hub) string {
			d := h.index
			size := len(h.registry.Manifest(repository, d))
			for range 6 {
				d = h.addIndex(child(d, size))
				size = len(h.registry.Manifest(repository, d))
			}
			return "@" + d
		}), "nested more than 4 deep"},
		{"index with another size of a manifest", k8s, badImage(func(h *hub) string { return "@" + h.addIndex(child(h.index, 5)) }), "its index says 5"},
		{"image with a foreign layer", k8s, badImage(func(h *hub) string {
			const m = "application/vnd.oci.image.manifest.v1+json"
			blob := `"digest":"sha256:` + strings.Repeat("22", 32) + `","size":5`
			return "@" + h.registry.AddManifest(repository, m, []byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",`+blob+
				`},"layers":[{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","urls":["https://example.com/x"],`+blob+`}]}`))
		}), "from the internet only"},
		{"credentials of an image that have expired", k8s, func(h *hub) error { h.registry.Expire(); return nil }, "the credentials in the resource's blob have expired"},
	}
}

// TestCharmBadInput checks that bad input from upstream gives a clear error that blames the store, and reveals no secret.
func TestCharmBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range badUpstreams() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			if err := c.edit(h); err != nil {
				t.Fatal(err)
			}
			e, _ := h.exporter(t)
			p, err := e.Plan(t.Context(), wanted(t, c.yaml))
			if err == nil {
				err = e.Fetch(t.Context(), p)
			}
			var store *exporter.StoreError
			if !errors.As(err, &store) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want the store's fault with %q", err, c.want)
			}
			if strings.Contains(err.Error(), registrySecret) {
				t.Errorf("%v shows the registry's password", err)
			}
			if strings.HasPrefix(c.name, "credentials") && !errors.Is(err, upstream.ErrCredentials) {
				t.Errorf("%v is no ErrCredentials", err)
			}
		})
	}
}

// TestCharmBadBundle tries bundles without usable content.
func TestCharmBadBundle(t *testing.T) {
	t.Parallel()
	files := func(bundle string) []byte {
		return upstreamtest.MakeArchive(upstreamtest.CharmFiles{Bundle: bundle, Readme: "x"})
	}
	for name, archive := range map[string][]byte{
		"no applications": files("name: bad\n"),
		"README.md":       bundleOnly(t, "applications: {a: {charm: pgbouncer}}"),
		"too many values": files(bomb() + "applications: {a: {charm: pgbouncer}}"),
		"zip":             []byte("applications: {a: {charm: pgbouncer}}"),
	} {
		h := newHub(t)
		err := errors.Join(h.AddCharm(upstreamtest.Charm{Name: "bad", Type: "bundle"}),
			h.AddCharmRevision("bad", upstreamtest.CharmRev{Revision: 1, Blob: upstreamtest.Bytes(archive)}), h.ReleaseCharm("bad", "stable", upstreamtest.Base{}, 1, nil))
		if err != nil {
			t.Fatal(err)
		}
		e, _ := h.exporter(t)
		_, err = e.Plan(t.Context(), exporter.Request{Charms: &exporter.CharmRequest{Bundles: []exporter.CharmBundle{{Name: "bad"}}, Architectures: []string{"amd64"}}})
		var store *exporter.StoreError
		if !errors.As(err, &store) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want the store's fault", name, err)
		}
	}
}

// bundleOnly returns the archive of a bundle that holds nothing else.
func bundleOnly(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("bundle.yaml")
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCharmWithoutAccount checks that a publisher without an account assertion is a warning.
func TestCharmWithoutAccount(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.Inject(upstreamtest.Fault{Path: "/v2/assertions/account/dataplatform", Do: upstreamtest.Rewrite("type: account", "type: nothing")})
	e, _ := h.exporter(t)
	p, err := e.Plan(t.Context(), wanted(t, k8s))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fetch(t.Context(), p); err == nil {
		t.Error("an answer that is no account was taken")
	}
	h.Heal()
	h.Inject(upstreamtest.Fault{Path: "/v2/assertions/account/dataplatform", Do: notFound})
	e, progress := h.exporter(t)
	head := pack(t, e, fetch(t, e, wanted(t, k8s)))
	if head.Charms[0].Assertions != nil || !strings.Contains(strings.Join(progress.warnings, "\n"), "postgresql-k8s goes without the account of its publisher") {
		t.Errorf("assertions %q, warnings %q", head.Charms[0].Assertions, progress.warnings)
	}
}

func notFound(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"status":404,"title":"not found"}`)
	})
}

// TestCharmRequest tries requests that are refused before the store is asked.
func TestCharmRequest(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*exporter.CharmRequest){
		"no charms":            func(r *exporter.CharmRequest) { r.Applications = nil },
		"no architectures":     func(r *exporter.CharmRequest) { r.Architectures = nil },
		"architecture \"all\"": func(r *exporter.CharmRequest) { r.ImageArchitectures = []string{"all"} },
		"charm name":           func(r *exporter.CharmRequest) { r.Bundles = []exporter.CharmBundle{{Name: "../x"}} },
		"channel":              func(r *exporter.CharmRequest) { r.Bundles = []exporter.CharmBundle{{Name: "x", Channel: "a/b/c/d"}} },
		"revision 0":           func(r *exporter.CharmRequest) { r.Applications[0].Revision = new(int) },
		"resource name": func(r *exporter.CharmRequest) {
			r.Applications[0].Resources = map[string]charm.ResourceValue{"../": {}}
		},
		"20000 applications":     func(r *exporter.CharmRequest) { r.Applications = make([]charm.Application, 20000) },
		"application pg: charm ": func(r *exporter.CharmRequest) { r.Applications[0].Charm = "A" },
	} {
		req := wanted(t, k8s)
		edit(req.Charms)
		if err := req.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestBadInputIsDocumented compares the table of docs/errors.md with the tests.
func TestBadInputIsDocumented(t *testing.T) {
	t.Parallel()
	want := []string{
		// TestCharmBadBundle
		"bundle without applications", "bundle without `README.md`", "bundle that is no zip", "YAML bomb in a bundle",
		// TestCharmWithoutAccount
		"publisher without an account assertion",
		// TestAccountOfNoAnswer, TestIconsThatFail, TestReferrersThatFail, TestWindowsChild
		"store that gives no answer about a publisher's account", "icon that can't be fetched", "signature of an image that can't be fetched",
		"platform of an image that can't be exported",
	}
	for _, c := range badUpstreams() {
		want = append(want, c.name)
	}
	got := slices.Sorted(maps.Keys(doctest.BadInput(t, "Bad charms upstream")))
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of bad input (-tests +docs/errors.md):\n%s", diff)
	}
}
