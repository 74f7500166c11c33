package bundle_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// additionsVector returns a bundle with more that is new in format 1.2: integrity data and a further component of a snap, an image of a
// charm bundle with a manifest of more than 1 MiB, and what refers to that image: a signature, a signature of the signature, and a tag.
func additionsVector(tb testing.TB) *content {
	tb.Helper()
	return additionsVectorOf(tb, 1<<20)
}

// additionsVectorOf returns the same with a manifest of more than size bytes.
func additionsVectorOf(tb testing.TB, size int) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	b.AddSnap("jq", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6})
	addPinnedRevision(b)
	addUnsignedCharm(b, "kit", charm.TypeBundle, charm.Release{Channel: "latest/stable", Revision: 2})
	kit := b.AddBundleRevision("kit", 2, "applications:\n  app:\n    charm: app\n    resources: {image: 'osm/pla:daily'}\n")
	c := vectorContent(tb, b)
	config, layer := []byte(`{"architecture":"amd64","os":"linux"}`), []byte("layer of pla")
	image := c.addForged(ociManifest{SchemaVersion: 2, MediaType: ociManifestType, Annotations: map[string]string{"long": strings.Repeat("x", size)}}, config, layer)
	refer := func(subject ociDescriptor, layer string) ociDescriptor {
		return c.addForged(ociManifest{SchemaVersion: 2, MediaType: ociManifestType, ArtifactType: "application/vnd.example.signature", Subject: &subject}, []byte("{}"), []byte(layer))
	}
	refer(refer(image, "a signature"), "a signature of the signature")
	byTag := c.addForged(ociManifest{SchemaVersion: 2, MediaType: ociManifestType}, []byte("{}"), []byte("a signature by a tag"))
	kit.Images = []charm.Image{{Name: "osm/pla:daily", Digest: image.Digest, Source: "registry.example.com/osm/pla",
		Tags: map[string]string{strings.Replace(image.Digest, ":", "-", 1) + ".sig": byTag.Digest}}}
	c.format = "1.2"
	return c
}

// addPinnedRevision adds revision 6 of jq with a component, with an older one that a validation set pins, and with integrity data.
func addPinnedRevision(b *bundletest.Bundle) {
	released, older, verity := b.Blob("jq+docs_8", 308), b.Blob("jq+docs_5", 305), b.Blob("verity", 400)
	r := b.AddRevision("jq", 6, b.Blob("jq", 206))
	root := strings.Repeat("ab", 32)
	seal := snap.Integrity{Type: "dm-verity", HashAlgorithm: "sha256", Digest: root, Salt: root, Version: "1", DataBlockSize: 4096, HashBlockSize: 4096, Download: download(verity)}
	r.Revision.Resources = []snap.Resource{{Name: "docs", Revision: 8, Type: "component/standard", Download: download(released)}}
	r.Revision.Further = []snap.Resource{{Name: "docs", Revision: 5, Type: "component/standard", Download: download(older)}}
	r.Components, r.Revision.Integrity, r.Integrity = []bundle.Blob{released, older}, []snap.Integrity{seal}, []bundle.Blob{verity}
	asserted := func(x bundle.Blob) assertiontest.Blob {
		return assertiontest.Blob{SHA3_384: x.SHA3384[:], Size: x.Size}
	}
	s, id := b.Stack, r.SnapID
	r.Assertions = b.Stream(
		s.SnapRevision(id, 6, assertiontest.RootID, asserted(r.Blob), assertiontest.Headers{"integrity": []any{
			map[string]any{"type": "dm-verity", "digest": root, "salt": root, "hash-algorithm": "sha256"}}}),
		s.SnapResourceRevision(id, "docs", 8, assertiontest.RootID, asserted(released), nil), s.SnapResourcePair(id, "docs", 8, 6, assertiontest.RootID, nil),
		s.SnapResourceRevision(id, "docs", 5, assertiontest.RootID, asserted(older), nil), s.SnapResourcePair(id, "docs", 5, 6, assertiontest.RootID, nil))
}

// addForged adds a manifest with a config and a layer.
func (c *content) addForged(m ociManifest, config, layer []byte) ociDescriptor {
	m.Config = descriptorOf("application/vnd.oci.image.config.v1+json", config)
	m.Layers = []ociDescriptor{descriptorOf("application/vnd.oci.image.layer.v1.tar+gzip", layer)}
	d := c.addManifest(m.MediaType, toJSON(m))
	c.imageBlobs[digest.Digest(d.Digest)] = [][]byte{config, layer}
	c.put(config)
	c.put(layer)
	return d
}

// additionsFlaws returns hostile bundles that are made of additionsVector.
func additionsFlaws(t *testing.T) []flaw {
	t.Helper()
	images := additionsVector(t).images
	edit := func(item, from, to string) func(*forge) {
		return func(f *forge) {
			c := f.find(item).config
			if !bytes.Contains(c.data, []byte(from)) {
				t.Fatalf("%s: its config has no %s", item, from)
			}
			c.data = bytes.Replace(c.data, []byte(from), []byte(to), 1)
		}
	}
	name := func(i int) string { return "image-" + images[i].Digest.Encoded() }
	flaws := []flaw{
		{name: "further-twice", shows: "A further component has the revision of the released one.", edit: func(f *forge) {
			edit("jq_6", `"name":"docs","revision":5`, `"name":"docs","revision":8`)(f)
			f.find("jq_6").layers[3].title = "jq+docs_8.comp"
		}},
		{name: "further-unsigned", shows: "A further component has no snap-resource-pair for this revision.", edit: func(f *forge) {
			l := f.find("jq_6").layers[0]
			l.data = slices.Concat(l.data[:bytes.LastIndex(l.data, []byte("type: snap-resource-pair"))])
		}, result: vectortest.Mismatch, step: 13},
		{name: "further-too-old", shows: "A revision has a further component, in a bundle that claims to be of format 1.1.", edit: func(f *forge) { f.format = "1.1" }},
		{name: "integrity-salt", shows: "The snap-revision has integrity data with another salt.", edit: edit("jq_6", `"salt":"abab`, `"salt":"cdab`), result: vectortest.Mismatch, step: 13},
		{name: "referrer-of-nothing", shows: "A manifest refers to one that the bundle does not have.", edit: func(f *forge) { f.remove(name(1)) }},
		{name: "tag-of-nothing", shows: "A tag of an image names a manifest that the bundle does not have.", edit: func(f *forge) { f.remove(name(3)) }},
		{name: "bundle-image-absent", shows: "The image of a charm bundle is not in the bundle.", edit: func(f *forge) { f.remove(name(0)) }},
	}
	for i := range flaws {
		flaws[i].base = additionsVector
		if flaws[i].step == 0 {
			flaws[i].step = 10
		}
	}
	return flaws
}

// fileName returns the name of integrity data in a bundle, as the specification has it.
func fileName(item string, in snap.Integrity) string { return item + "." + in.Type + "_" + in.Digest }
