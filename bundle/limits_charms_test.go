package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
)

// largeImages returns manifests of images over a limit.
func largeImages() map[string]struct{ mediaType, raw string } {
	blob := `{"mediaType":"x","digest":"sha256:` + sha([]byte("{}")) + `","size":2}`
	list := func(n int) string { return strings.Repeat(blob+",", n-1) + blob }
	manifest := `{"schemaVersion":2,"config":` + blob + `,"layers":[`
	huge := strings.Replace(blob, ":2}", fmt.Sprintf(":%d}", bundle.MaxBlobSize+1), 1)
	return map[string]struct{ mediaType, raw string }{
		"MaxLayers":                {ociManifestType, manifest + list(bundle.MaxLayers+1) + "]}"},
		"MaxLayers of an index":    {ociIndexType, `{"schemaVersion":2,"manifests":[` + list(bundle.MaxLayers+1) + "]}"},
		"MaxImageValues":           {ociManifestType, manifest + `],"x":[0` + strings.Repeat(",0", bundle.MaxImageValues) + "]}"},
		"MaxImageSize":             {ociManifestType, manifest + `],"x":"` + strings.Repeat("x", bundle.MaxImageSize) + `"}`},
		"MaxBlobSize of a layer":   {ociManifestType, manifest + huge + "]}"},
		"MaxBlobSize of a config":  {ociManifestType, `{"schemaVersion":2,"config":` + huge + `,"layers":[]}`},
		"MaxBlobSize in an index":  {ociIndexType, `{"schemaVersion":2,"manifests":[` + huge + "]}"},
		"MaxBlobSize, by a Docker": {dockerManifestType, manifest + huge + "]}"},
	}
}

// TestCharmLimits exceeds each limit about charms or images by one, for a reader.
func TestCharmLimits(t *testing.T) {
	t.Parallel()
	layer := func(item string, l int, size int64) func(*forge) {
		return func(f *forge) { f.find(item).layers[l].edit = func(d *ociDescriptor) { d.Size = size } }
	}
	tests := map[string]func(f *forge){
		"MaxBlobSize of a charm":    layer("charm.pg_9", 0, bundle.MaxBlobSize+1),
		"MaxBlobSize of a resource": layer("charm.pg.data_3", 0, bundle.MaxBlobSize+1),
		"MaxAssertionSize":          layer("charm.pg", 0, bundle.MaxAssertionSize+1),
		"MaxIconSize":               layer("charm.pg", 1, bundle.MaxIconSize+1),
		"MaxConfigSize": func(f *forge) {
			f.find("charm.pg_9").config.edit = func(d *ociDescriptor) { d.Size = bundle.MaxConfigSize + 1 }
		},
		"MaxLayers of a resource": func(f *forge) {
			it := f.find("charm.pg.data_3")
			for len(it.layers) <= bundle.MaxLayers {
				it.layers = append(it.layers, it.layers[0])
			}
		},
		"MaxRefLength": func(f *forge) { f.items[len(f.items)-1].name = "charm.pg" + strings.Repeat("x", bundle.MaxRefLength) },
	}
	for name, image := range largeImages() {
		tests[name] = func(f *forge) {
			it := f.find("charm.pg.docker.image_1")
			for _, m := range f.items {
				if m.imageType == dockerManifestType {
					it = m
				}
			}
			it.imageType = image.mediaType
			f.replaceImage(it, []byte(image.raw))
		}
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := charmSample(t).forge()
			edit(f)
			if _, err := receiveBytes(t, tarOf(f.seal(testKey()))); !errors.Is(err, bundle.ErrLimit) || !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestCharmWriterLimits shows that the writer refuses content that no reader accepts.
func TestCharmWriterLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *content){
		"MaxAssertionSize": func(c *content) { c.charms[0].Assertions = bytes.Repeat([]byte("a"), bundle.MaxAssertionSize+1) },
		"MaxIconSize":      func(c *content) { c.charms[0].Icon.Data = bytes.Repeat([]byte("a"), bundle.MaxIconSize+1) },
		"MaxConfigSize":    func(c *content) { c.charms[0].Result.Description = strings.Repeat("x", bundle.MaxConfigSize) },
		"MaxBlobSize": func(c *content) {
			c.charmRevisions[0].Blob.Size, c.charmRevisions[0].Revision.Download.Size = bundle.MaxBlobSize+1, bundle.MaxBlobSize+1
		},
	}
	for name, image := range largeImages() {
		tests[name+" of an image"] = func(c *content) { c.addManifest(image.mediaType, []byte(image.raw)) }
	}
	for name, edit := range tests {
		c := charmSample(t)
		edit(c)
		if err := trySeal(t, c); !errors.Is(err, bundle.ErrLimit) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestCharmWriterRefuses shows that the writer refuses contradictions.
func TestCharmWriterRefuses(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(c *content){
		"a charm twice":                  func(c *content) { c.charms = append(c.charms, c.charms[0]) },
		"a revision twice":               func(c *content) { c.charmRevisions = append(c.charmRevisions, c.charmRevisions[0]) },
		"a resource twice":               func(c *content) { c.charmResources = append(c.charmResources, c.charmResources[0]) },
		"a revision without its charm":   func(c *content) { c.charms = c.charms[:1] },
		"a release without its revision": func(c *content) { c.charmRevisions = c.charmRevisions[1:] },
		"a release without its resource": func(c *content) { c.charmResources = c.charmResources[1:] },
		"another size":                   func(c *content) { c.charmRevisions[0].Blob.Size++ },
		"another digest":                 func(c *content) { c.charmResources[0].Blob.Digest = c.charmRevisions[0].Blob.Digest },
		"a file without a blob":          func(c *content) { c.charmResources[0].Blob = nil },
		"a blob without a file":          func(c *content) { c.charmResources[1].Blob = c.charmResources[0].Blob },
		"an unknown icon":                func(c *content) { c.charms[0].Icon.MediaType = "image/x-icon" },
		"a name that is a path":          func(c *content) { c.charms[0].Name = "../pg" },
		"an image of no resource":        func(c *content) { c.addImage(ociManifestType, []byte("x")) },
		"an index without manifests":     func(c *content) { c.images = c.images[2:] },
		"an image that is none":          func(c *content) { c.addManifest(ociManifestType, []byte("{}")) },
	} {
		c := charmSample(t)
		edit(c)
		if err := trySeal(t, c); err == nil {
			t.Errorf("%s: it was sealed", name)
		}
	}
}

// TestManyCharms writes a bundle of a realistic large size. It must not come near a limit.
func TestManyCharms(t *testing.T) {
	t.Parallel()
	c := charmSample(t)
	c.charms, c.charmRevisions, c.charmResources, c.images = nil, nil, nil, nil
	yaml := strings.Repeat("# what a charm's config.yaml may have\n", 2000) // 76 kB, like the config.yaml of a large charm
	for i := range 60 {
		name := fmt.Sprintf("charm-%c%c", 'a'+i/26, 'a'+i%26)
		id := fmt.Sprintf("%s%02d", pgID[2:], i)
		c.charms = append(c.charms, &bundle.Charm{Listing: charm.Listing{Name: name, ID: id, Type: charm.TypeCharm}})
		for revision := range 4 {
			c.addCharm(name, id, charm.TypeCharm, revision+1, 10)
			c.charmRevisions[len(c.charmRevisions)-1].Revision.ConfigYAML = yaml
		}
		for r := range 3 {
			var platforms []ociDescriptor
			for p := range 8 { // four platforms and their attestations
				layers := make([][]byte, 5)
				for l := range layers {
					layers[l] = fmt.Append(nil, name, r, p, l)
				}
				platforms = append(platforms, c.addImage(ociManifestType, fmt.Append(nil, name, r, p), layers...))
			}
			c.addImageResource(name, "image", r+1, c.addIndex(ociIndexType, platforms...))
			c.charmResources[len(c.charmResources)-1].CharmID = id
		}
	}
	s := c.seal(t)
	got, err := receiveBytes(t, c.pack(t, s, bundle.None))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.head.Images) != len(c.images) || len(got.blobs) != len(s.Payload()) {
		t.Errorf("%d images and %d blobs, want %d and %d", len(got.head.Images), len(got.blobs), len(c.images), len(s.Payload()))
	}
	head := s.TarSize() - got.head.PayloadSize()
	t.Logf("%d items, %d blobs, %d kB in all but the payload", len(c.images)+60+240+180, len(got.blobs), head>>10)
}
