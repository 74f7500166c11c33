package registry_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/registry"
)

// fixture is a catalogue with images, made by hand.
type fixture struct {
	t     testing.TB
	blobs *blob.Dir
	cat   *catalog.Snapshot
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "offlinestore-registry-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	blobs, err := blob.Open(dir)
	must(t, err)
	return &fixture{t, blobs, &catalog.Snapshot{Generation: 1}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func value[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// put commits a blob.
func (f *fixture) put(r io.ReadCloser, err error) (digest.Digest, int64) {
	f.t.Helper()
	must(f.t, err)
	defer r.Close()
	content := value(io.ReadAll(r))(f.t)
	dg := digest.FromBytes(content)
	s := value(f.blobs.Stage(int64(len(content))))(f.t)
	value(s.Write(content))(f.t)
	batch := f.blobs.NewBatch()
	batch.AddBlob(s, dg)
	must(f.t, batch.Sync(f.t.Context()))
	return dg, int64(len(content))
}

func (f *fixture) manifest(m partial.Describable, raw []byte) catalog.Image {
	f.t.Helper()
	dg, size := f.put(io.NopCloser(bytes.NewReader(raw)), nil)
	return catalog.Image{Digest: dg, Size: size, MediaType: string(value(m.MediaType())(f.t))}
}

// image adds the manifest and blobs of an image.
func (f *fixture) image(img v1.Image) digest.Digest {
	f.t.Helper()
	m := f.manifest(img, value(img.RawManifest())(f.t))
	layers := value(img.Layers())(f.t)
	layers = append(layers, value(partial.ConfigLayer(img))(f.t))
	for _, l := range layers {
		dg, size := f.put(l.Compressed())
		m.Blobs = append(m.Blobs, catalog.ImageBlob{Digest: dg, Size: size})
	}
	return f.addManifest(m)
}

// index adds an index, and the images in it that keep accepts.
func (f *fixture) index(idx v1.ImageIndex, keep func(v1.Platform) bool) digest.Digest {
	f.t.Helper()
	m := f.manifest(idx, value(idx.RawManifest())(f.t))
	for _, d := range value(idx.IndexManifest())(f.t).Manifests {
		if keep(*d.Platform) {
			m.Children = append(m.Children, f.image(value(idx.Image(d.Digest))(f.t)))
		}
	}
	return f.addManifest(m)
}

func all(v1.Platform) bool         { return true }
func onlyAMD64(p v1.Platform) bool { return p.Architecture == "amd64" }

func (f *fixture) addManifest(m catalog.Image) digest.Digest {
	for _, have := range f.cat.Images {
		if have.Digest == m.Digest {
			return m.Digest
		}
	}
	f.cat.Images = append(f.cat.Images, m)
	return m.Digest
}

// resource gives an image a name, as the next revision of a resource.
func (f *fixture) resource(charmName, resource, image string, dg digest.Digest) {
	if n := len(f.cat.Charms); n == 0 || f.cat.Charms[n-1].Name != charmName {
		f.cat.Charms = append(f.cat.Charms, catalog.Charm{Name: charmName, ID: "id-" + charmName, Type: charm.TypeCharm})
	}
	ch := &f.cat.Charms[len(f.cat.Charms)-1]
	ch.Resources = append(ch.Resources, catalog.CharmResource{
		Resource: charm.Resource{Name: resource, Revision: len(ch.Resources) + 1, Type: charm.ResourceImage},
		Image:    &charm.Image{Name: image, Digest: string(dg)},
	})
}

// randomImage returns an image of 3 layers, in Docker's format.
func randomImage(t testing.TB) v1.Image {
	t.Helper()
	return value(random.Image(20_000, 3))(t)
}

// randomIndex returns an index for amd64, arm64 and arm/v7, in OCI's format. Its images have a layer in common.
func randomIndex(t testing.TB) v1.ImageIndex {
	t.Helper()
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	common := value(random.Layer(20_000, types.OCILayer))(t)
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}, {OS: "linux", Architecture: "arm", Variant: "v7"}} {
		img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		img = value(mutate.AppendLayers(img, common, value(random.Layer(20_000, types.OCILayer))(t), value(random.Layer(20_000, types.OCILayer))(t)))(t)
		config := value(img.ConfigFile())(t).DeepCopy()
		config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
		img = value(mutate.ConfigFile(img, config))(t)
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p}})
	}
	var index ocispec.Index
	must(t, json.Unmarshal(value(idx.RawManifest())(t), &index))
	for i := range index.Manifests {
		index.Manifests[i].ArtifactType = ""
	}
	return rawIndex{idx, value(json.Marshal(index))(t)}
}

// rawIndex is an index with a fixed text. Old versions of skopeo encode an index anew when they copy it; this one stays the same.
type rawIndex struct {
	wholeIndex
	text []byte
}

type wholeIndex = v1.ImageIndex

func (r rawIndex) RawManifest() ([]byte, error) { return r.text, nil }

// serve serves the fixture's catalogue, and returns its host:port.
func (f *fixture) serve(cfg registry.Config) string {
	f.t.Helper()
	cfg.Blobs = f.blobs.Storage()
	r := registry.New(cfg)
	must(f.t, r.SetSnapshot(f.cat))
	return listen(f.t, r)
}

func listen(t testing.TB, r *registry.Registry) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = r.HTTPServer("")
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// answer is a response and its whole body.
type answer struct {
	*http.Response
	body string
}

func do(t testing.TB, method, url string, header ...string) answer {
	t.Helper()
	req := value(http.NewRequestWithContext(t.Context(), method, url, nil))(t)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp := value(http.DefaultClient.Do(req))(t)
	defer resp.Body.Close()
	return answer{resp, string(value(io.ReadAll(resp.Body))(t))}
}
