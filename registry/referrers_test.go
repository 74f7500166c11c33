package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/catalog"
	"offlinestore/registry"
)

// refer adds an artifact that refers to subject, and returns its digest.
func (f *fixture) refer(subject digest.Digest, artifactType, layer string) digest.Digest {
	f.t.Helper()
	put := func(text string) (digest.Digest, int64) { return f.put(io.NopCloser(strings.NewReader(text)), nil) }
	config, configSize := put("{}")
	content, contentSize := put(layer)
	doc := map[string]any{
		"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "artifactType": artifactType,
		"config":      ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: config, Size: configSize},
		"layers":      []ocispec.Descriptor{{MediaType: "application/octet-stream", Digest: content, Size: contentSize}},
		"annotations": map[string]string{"org.example.of": artifactType},
	}
	if subject != "" {
		i := slices.IndexFunc(f.cat.Images, func(m catalog.Image) bool { return m.Digest == subject })
		doc["subject"] = ocispec.Descriptor{MediaType: f.cat.Images[i].MediaType, Digest: subject, Size: f.cat.Images[i].Size}
	}
	raw := value(json.Marshal(doc))(f.t)
	d, size := f.put(io.NopCloser(bytes.NewReader(raw)), nil)
	return f.addManifest(catalog.Image{Digest: d, Size: size, MediaType: ocispec.MediaTypeImageManifest, Subject: subject, Blobs: []catalog.ImageBlob{
		{Digest: config, Size: configSize}, {Digest: content, Size: contentSize}}})
}

// signedSite is a fixture with a signed image, a signature of the signature, a list of parts and a signature by a tag.
type signedSite struct {
	*fixture
	image, signature, of, parts, tagged digest.Digest
}

func newSignedSite(t *testing.T) *signedSite {
	f := newFixture(t)
	s := &signedSite{fixture: f, image: f.image(randomImage(t))}
	f.resource("db", "image", "charm/db@"+s.image.String(), s.image)
	f.resource("web", "image", "charm/web:1", f.image(randomImage(t)))
	s.signature = f.refer(s.image, "application/vnd.example.signature", "signature")
	s.of = f.refer(s.signature, "application/vnd.example.signature", "of the signature")
	s.parts = f.refer(s.image, "application/spdx+json", "parts")
	s.tagged = f.refer("", "application/vnd.example.simple", "by a tag")
	f.cat.ImageTags = []catalog.ImageTag{{Repository: "charm/db", Tag: strings.Replace(s.image.String(), ":", "-", 1) + ".sig", Digest: s.tagged}}
	return s
}

// TestReferrers asks for the referrers of manifests, and for the referrers themselves.
func TestReferrers(t *testing.T) {
	t.Parallel()
	s := newSignedSite(t)
	host := s.serve(registry.Config{})
	url := "http://" + host + "/v2/charm/db/"
	list := func(path string) (out []string, filters string) {
		t.Helper()
		resp := do(t, "GET", url+"referrers/"+path)
		var index ocispec.Index
		must(t, json.Unmarshal([]byte(resp.body), &index))
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != ocispec.MediaTypeImageIndex || index.MediaType != ocispec.MediaTypeImageIndex || index.SchemaVersion != 2 || index.Manifests == nil {
			t.Errorf("%s: %s, %s, %+v", path, resp.Status, resp.Header.Get("Content-Type"), index)
		}
		for _, d := range index.Manifests {
			if d.Annotations["org.example.of"] != d.ArtifactType || d.Size == 0 || d.MediaType != ocispec.MediaTypeImageManifest {
				t.Errorf("%s: %+v", path, d)
			}
			out = append(out, d.Digest.String())
		}
		slices.Sort(out)
		return out, resp.Header.Get("OCI-Filters-Applied")
	}
	sorted := func(ds ...digest.Digest) (out []string) {
		for _, d := range ds {
			out = append(out, d.String())
		}
		slices.Sort(out)
		return out
	}
	for path, want := range map[string][]string{
		s.image.String():                       sorted(s.signature, s.parts),
		s.signature.String():                   sorted(s.of),
		s.parts.String():                       nil,
		digest.FromString("not here").String(): nil,
		s.image.String() + "?artifactType=application%2Fspdx%2Bjson":    sorted(s.parts),
		s.image.String() + "?artifactType=application%2Fvnd.of.nothing": nil,
	} {
		got, filters := list(path)
		if !slices.Equal(got, want) || (filters == "artifactType") != strings.Contains(path, "?") {
			t.Errorf("%s: %q, filters %q, want %q", path, got, filters, want)
		}
	}
	for path, want := range map[string]int{"referrers/sha256:x": 400, "manifests/" + s.of.String(): 200, "blobs/" + digest.FromString("parts").String(): 200} {
		if resp := do(t, "GET", url+path); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	// Another repository has none of this.
	other := "http://" + host + "/v2/charm/web/"
	for path, want := range map[string]int{"manifests/" + s.of.String(): 404, "blobs/" + digest.FromString("parts").String(): 404} {
		if resp := do(t, "GET", other+path); resp.StatusCode != want {
			t.Errorf("web: %s: %s, want %d", path, resp.Status, want)
		}
	}
	if got := value(crane.ListTags(host+"/charm/db", crane.Insecure))(t); fmt.Sprint(got) != "["+s.cat.ImageTags[0].Tag+"]" {
		t.Errorf("tags %v", got)
	}
	if got := value(crane.Digest(host+"/charm/db:"+s.cat.ImageTags[0].Tag, crane.Insecure))(t); got != s.tagged.String() {
		t.Errorf("the signature by a tag is %s, want %s", got, s.tagged)
	}
	index := value(remote.Referrers(value(name.NewDigest(host+"/charm/db@"+s.image.String(), name.Insecure))(t)))(t)
	if got := value(index.IndexManifest())(t); len(got.Manifests) != 2 {
		t.Errorf("the library finds %d referrers, want 2", len(got.Manifests))
	}
}

// TestPushReferrers copies an image with its referrers to a registry without the referrers API.
func TestPushReferrers(t *testing.T) {
	t.Parallel()
	s := newSignedSite(t)
	to := dockerRegistry(t, "")
	plan := value(registry.NewPlan(t.Context(), s.blobs.Storage(), s.cat, "db"))(t)
	value(plan.Push(t.Context(), registry.PushConfig{Registry: to, PlainHTTP: true}))(t)
	for _, d := range []digest.Digest{s.image, s.signature, s.of, s.parts, s.tagged} {
		if got := value(crane.Digest(to+"/charm/db@"+d.String(), crane.Insecure))(t); got != d.String() {
			t.Errorf("%s, want %s", got, d)
		}
	}
	if got := value(crane.Digest(to+"/charm/db:"+s.cat.ImageTags[0].Tag, crane.Insecure))(t); got != s.tagged.String() {
		t.Errorf("the signature by a tag is %s, want %s", got, s.tagged)
	}
	index := value(remote.Referrers(value(name.NewDigest(to+"/charm/db@"+s.image.String(), name.Insecure))(t)))(t)
	if got := value(index.IndexManifest())(t); len(got.Manifests) != 2 {
		t.Errorf("%d referrers, want 2", len(got.Manifests))
	}
}
