package importer_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// refer adds a manifest to b that refers to subject, unless that is empty.
func refer(t *testing.T, b *bundletest.Bundle, seed string, subject digest.Digest) digest.Digest {
	t.Helper()
	config, layer := b.BlobOf([]byte(`{"of":"`+seed+`"}`)), b.BlobOf([]byte(seed))
	doc := map[string]any{
		"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "artifactType": "application/vnd.example.signature",
		"config": ocispec.Descriptor{MediaType: "application/json", Digest: config.Digest, Size: config.Size},
		"layers": []ocispec.Descriptor{{MediaType: "application/octet-stream", Digest: layer.Digest, Size: layer.Size}},
	}
	if subject != "" {
		doc["subject"] = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b.AddManifest(ocispec.MediaTypeImageManifest, raw).Digest
}

// TestImportReferrers imports an image with a signature that refers to it, and with one that has a tag.
func TestImportReferrers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := withCharms(bundletest.New(t, 1))
	image := b.CharmResources[slices.IndexFunc(b.CharmResources, func(r *bundle.CharmResource) bool { return r.Image != nil })].Image
	subject := digest.Digest(image.Digest)
	signature := refer(t, b, "signature", subject)
	tagged := refer(t, b, "by a tag", "")
	tag := strings.Replace(image.Digest, ":", "-", 1) + ".sig"
	image.Tags = map[string]string{tag: tagged.String()}
	o, err := s.open(b.Tar(bundle.None))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.finish(o); err != nil {
		t.Fatal(err)
	}
	got := s.served()
	if len(got.Images) != 5 || len(got.ImageTags) != 1 || got.ImageTags[0].Digest != tagged || got.ImageTags[0].Tag != tag || got.ImageTags[0].Repository != image.Repository() {
		t.Errorf("%d manifests, tags %v", len(got.Images), got.ImageTags)
	}
	for _, m := range got.Images {
		if (m.Subject == subject) != (m.Digest == signature) {
			t.Errorf("manifest %s refers to %q", m.Digest, m.Subject)
		}
	}
}
