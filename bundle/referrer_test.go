package bundle_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// TestReferrers seals bundles with manifests that refer to others.
func TestReferrers(t *testing.T) {
	t.Parallel()
	elsewhere := digest.FromString("elsewhere")
	image := digest.Digest(pgVector(t).charmResources[1].Image.Digest)
	tag := "sha256-" + image.Encoded() + ".sig"
	for name, test := range map[string]struct {
		subjects []digest.Digest // of a chain of manifests; empty is the one before
		tags     map[string]digest.Digest
		ok       bool
	}{
		"signature":                          {subjects: []digest.Digest{image}, ok: true},
		"signature of the signature":         {subjects: []digest.Digest{image, ""}, ok: true},
		"stray":                              {subjects: []digest.Digest{elsewhere}},
		"signature of a stray":               {subjects: []digest.Digest{elsewhere, ""}},
		"tag":                                {tags: map[string]digest.Digest{tag: image}, ok: true},
		"tag of nothing":                     {tags: map[string]digest.Digest{tag: elsewhere}},
		"tag that follows from nothing here": {tags: map[string]digest.Digest{"sha256-" + elsewhere.Encoded() + ".sig": image}},
		"tag of another form":                {tags: map[string]digest.Digest{"latest": image}},
	} {
		c := pgVector(t)
		before := image
		for i, subject := range test.subjects {
			if subject == "" {
				subject = before
			}
			config, layer := []byte(fmt.Sprintf("config %d", i)), []byte(fmt.Sprintf("layer %d", i))
			c.put(config)
			c.put(layer)
			raw := []byte(fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"%s","size":%d},"layers":[{"mediaType":"a/b","digest":"%s","size":%d}],"subject":{"mediaType":"a/b","digest":"%s","size":1}}`,
				digest.FromBytes(config), len(config), digest.FromBytes(layer), len(layer), subject))
			c.images = append(c.images, &bundle.ImageManifest{MediaType: ociManifestType, Digest: digest.FromBytes(raw), Raw: raw})
			before = digest.FromBytes(raw)
		}
		for tag, d := range test.tags {
			c.charmResources[1].Image.Tags = map[string]string{tag: d.String()}
		}
		var d bundle.Builder
		var err error
		for _, ch := range c.charms {
			err = errors.Join(err, d.AddCharm(ch))
		}
		for _, r := range c.charmRevisions {
			err = errors.Join(err, d.AddCharmRevision(r))
		}
		for _, r := range c.charmResources {
			err = errors.Join(err, d.AddCharmResource(r))
		}
		for _, m := range c.images {
			err = errors.Join(err, d.AddImageManifest(m))
		}
		if err == nil {
			_, err = d.Seal(t.Context(), c.predicate, testKey())
		}
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
