//go:build linux

package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
)

// newCharmhub serves the demonstration's charms, with their images in a registry that requires credentials.
func newCharmhub(t *testing.T) (s *upstreamtest.Store, url string) {
	t.Helper()
	s, url, _ = newImageHub(t)
	return s, url
}

// newImageHub serves the same as newCharmhub, and returns the registry, too.
func newImageHub(t *testing.T) (s *upstreamtest.Store, url string, registry *upstreamtest.Registry) {
	t.Helper()
	return newCutHub(t, new(atomic.Bool))
}

// newCutHub serves the same as newImageHub, while the line to the registry isn't cut.
func newCutHub(t *testing.T, cut *atomic.Bool) (s *upstreamtest.Store, url string, registry *upstreamtest.Registry) {
	t.Helper()
	needTools(t)
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{Payload: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	registry = upstreamtest.DemoRegistry()
	handler := registry.Handler()
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(images.Close)
	err = upstreamtest.DemoCharms(s, upstreamtest.DemoCharmsOptions{Registry: registry, Host: images.Listener.Addr().String(), Payload: 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return s, srv.URL, registry
}

// newCharmOutside returns a connected host that exports from that Charmhub.
func newCharmOutside(t *testing.T, s *upstreamtest.Store, url string) *outside {
	t.Helper()
	o := newOutside(t, url, s.Stack.RootStream())
	o.env = append(o.env, "STORE_ADMIN_CHARMHUB_URL="+url)
	return o
}

// exportCharms runs export charms or export bundle, and returns the one bundle that it makes.
func (o *outside) exportCharms(args ...string) string {
	o.t.Helper()
	dir, err := os.MkdirTemp(o.dir, "disk-")
	if err != nil {
		o.t.Fatal(err)
	}
	o.admin(append([]string{"export"}, append(args, "--export-dir", dir, "--trusted-root", o.root)...)...)
	files, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil || len(files) != 1 {
		o.t.Fatalf("the export of %q made %q, %v; want one bundle", args, files, err)
	}
	return files[0]
}

// lacks fails the test if text is anywhere in a bundle.
func lacks(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s is in %s of the bundle", text, h.Name)
		}
	}
}

// TestCharmBundleAcrossTheGap takes a charm bundle with its images from Charmhub into a store. It fetches all that Juju
// would deploy and the images that a cluster would pull, first from the store's own registry and then from a registry that
// existed before.
func TestCharmBundleAcrossTheGap(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	existing := dockerRegistry(t)
	s, url := newCharmhub(t)
	o := newCharmOutside(t, s, url)
	file := o.exportCharms("bundle", "cos-lite", "--arch", "amd64", "--arch", "arm64")
	lacks(t, file, upstreamtest.DemoRegistryPassword)

	in := newInside(t, o)
	out := in.proxy("push-charm-bundle", file)
	for _, line := range []string{
		"[bundle cos-lite] Uploaded bundle blob for cos-lite revision 18\n", "[charm postgresql-k8s] Uploaded charm blob for postgresql-k8s revision 21\n",
		"[charm traefik-k8s] Uploaded resource traefik-image revision 160\n", "[images] Uploaded 4 image manifests\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("push-charm-bundle printed %q, want the line %q", out, line)
		}
	}
	in.proxy("check")

	addresses, stop := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	j := juju{t, "http://" + addresses[0]}
	first := j.deployBundle("cos-lite", "amd64")
	for _, i := range first {
		if !strings.HasPrefix(i.ref, addresses[1]+"/charm/") || i.user != "" {
			t.Errorf("image %q for %q, want it from the store's own registry, on %s", i.ref, i.user, addresses[1])
		}
		pull(t, i.ref, i.user, i.password)
	}
	if arm := j.resolve("postgresql-k8s", "14/stable", "arm64"); arm.Revision != 21 {
		t.Errorf("postgresql-k8s for arm64 is revision %d, want 21", arm.Revision)
	}
	stop()

	in.proxy("config", "proxy.oci-registry.domain="+existing, "proxy.oci-registry.username=juju", "proxy.oci-registry.password=s3cret")
	in.proxy("push-images", "--plain-http")
	addresses, _ = in.serveOn(1)
	second := juju{t, "http://" + addresses[0]}.deployBundle("cos-lite", "amd64")
	for i := range second {
		image := second[i]
		if !strings.HasPrefix(image.ref, existing+"/charm/") || image.user != "juju" || image.password != "s3cret" || path(image.ref) != path(first[i].ref) {
			t.Errorf("image %+v, want it from %s by its name and password, and to be that of %s", image, existing, first[i].ref)
		}
		pull(t, image.ref, image.user, image.password)
	}
}

// path returns an image's name without the registry.
func path(ref string) string {
	_, p, _ := strings.Cut(ref, "/")
	return p
}

// image is the content of the blob of an image resource.
type image struct{ ref, user, password string }

// deployBundle fetches a bundle and everything that its charms need, as juju deploy and the controller do, and returns its
// images.
func (j juju) deployBundle(name, arch string) (images []image) {
	j.t.Helper()
	var info struct{ Type, Name string }
	j.do("GET", "info/"+name+"?fields=default-release.revision.bundle-yaml", "", &info)
	if info.Type != charm.TypeBundle {
		j.t.Errorf("%s is a %s", name, info.Type)
	}
	raw := j.download(j.resolve(name, "stable", arch).Download)
	a, err := charm.OpenBundleArchive(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		j.t.Fatal(err)
	}
	for _, app := range a.File.Applications {
		images = append(images, j.deploy(app.Charm, app.Channel, arch)...)
	}
	return images
}

// deploy fetches a charm with its resources.
func (j juju) deploy(name, channel, arch string) (images []image) {
	j.t.Helper()
	c := j.resolve(name, channel, arch)
	raw := j.download(c.Download)
	a, err := charm.OpenArchive(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		j.t.Fatal(err)
	}
	if a.MetadataYAML != c.Metadata {
		j.t.Errorf("the metadata of %s is %q, and %q inside of it", name, c.Metadata, a.MetadataYAML)
	}
	for _, r := range c.Resources {
		var listed struct{ Revisions []jujuResource }
		j.do("GET", "resources/"+name+"/"+r.Name+"/revisions", "", &listed)
		if len(listed.Revisions) == 0 || listed.Revisions[0] != r {
			j.t.Errorf("the revisions of %s are %+v, want %+v to be the first", r.Name, listed.Revisions, r)
		}
		if r.Type != charm.ResourceImage {
			j.resource(c, r)
			continue
		}
		ref, user, password := j.image(c, r.Name)
		images = append(images, image{ref, user, password})
	}
	return images
}

// TestCharmsAcrossTheGap takes a machine charm, with its files and the snap that it installs, into a store, and fetches
// all that Juju would deploy.
func TestCharmsAcrossTheGap(t *testing.T) {
	t.Parallel()
	s, url := newCharmhub(t)
	o := newCharmOutside(t, s, url)
	list := filepath.Join(o.dir, "charms.yaml")
	o.write(list, []byte("applications:\n  db: {charm: postgresql}\n  agent: {charm: grafana-agent}\n"))
	file := o.exportCharms("charms", list, "--with-snaps")
	in := newInside(t, o)
	in.proxy("push-charms", file)
	in.proxy("check")
	addresses, _ := in.serveOn(1)
	j := juju{t, "http://" + addresses[0]}
	j.deploy("postgresql", "14/stable", "amd64")
	j.deploy("grafana-agent", "stable", "amd64")
	// The charm requires a revision that is in no channel.
	if snaps := in.proxy("list-pushed-snaps", "--long"); !regexp.MustCompile(`(?m)^jq +ubuntu +6 `).MatchString(snaps) {
		t.Errorf("list-pushed-snaps printed %q, want revision 6 of jq", snaps)
	}
}

// TestImagesOfOneName gives one name to the images of two charms, in two exports. A cluster that pulls what Juju tells it still gets the image
// of each charm, from the store's own registry and from one that existed before.
func TestImagesOfOneName(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	existing := dockerRegistry(t)
	s, url := newCharmhub(t)
	o := newCharmOutside(t, s, url)
	in := newInside(t, o)
	charms := map[string]string{"postgresql-k8s": "14/stable", "traefik-k8s": "stable"}
	for name, channel := range charms {
		list := filepath.Join(o.dir, name+".yaml")
		resource := strings.TrimSuffix(name, "-k8s") + "-image"
		o.write(list, []byte("applications: {a: {charm: "+name+", channel: "+channel+", resources: {"+resource+": 'local/one:1'}}}\n"))
		in.proxy("push-charms", o.exportCharms("charms", list))
	}
	refs := func(j juju) map[string]string {
		out := make(map[string]string)
		for name, channel := range charms {
			images := j.deploy(name, channel, "amd64")
			if len(images) != 1 {
				t.Fatalf("%s has %d images, want one", name, len(images))
			}
			out[name] = path(images[0].ref)
			pull(t, images[0].ref, images[0].user, images[0].password)
		}
		if out["postgresql-k8s"] == out["traefik-k8s"] || !strings.HasPrefix(out["traefik-k8s"], "local/one@sha256:") {
			t.Errorf("the images of the charms are %v, want two digests in local/one", out)
		}
		return out
	}
	addresses, stop := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	own := refs(juju{t, "http://" + addresses[0]})
	stop()
	in.proxy("config", "proxy.oci-registry.domain="+existing, "proxy.oci-registry.username=juju", "proxy.oci-registry.password=s3cret")
	in.proxy("push-images", "--plain-http")
	addresses, _ = in.serveOn(1)
	for name, ref := range refs(juju{t, "http://" + addresses[0]}) {
		if ref != own[name] {
			t.Errorf("the image of %s is %s in the other registry, and was %s", name, ref, own[name])
		}
	}
}
