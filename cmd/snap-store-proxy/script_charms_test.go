//go:build linux

package main_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// writeCharms writes bundles by another exporter, charmer.pem:
//
//	app-old.tar.gz  day 10: the charm app, revision 5
//	app.tar.gz      day 20: app 7, with a file and an image for two platforms
//	mapped.tar.gz   day 30: app 7 again, its image under another name
//	app-other.tar.gz day 40: another charm of the name app, revision 1
//	kit.tar.gz      day 20: the charm bundle kit, revision 2, with the charms app 7 and web 3, and the snap tool 4
//	gaps.tar.gz     day 20: a charm for each kind of gap, and a bundle of missing charms
//	one.tar.gz      day 20: the charm one, whose image has the name mp/i:v, and the snap tool 4 for amd64, also in a channel for arm64
//	two.tar.gz      day 21: the charm two, whose image has the same name
//
// It also writes unsigned files, as the original store-admin did: charms-export-20220426T163115.tar.gz, with app 20, and a
// truncated copy: cut.tar.gz.
func (f *fixture) writeCharms(t *testing.T) {
	write := func(name string, b *bundletest.Bundle) { b.WriteFile(filepath.Join(f.dir, name), bundle.Gzip) }
	app := bundletest.New(t, 20).AddWholeCharm("app", 7, 3000)
	f.layer = layerOf(t, app)
	write("app.tar.gz", app)
	write("app-old.tar.gz", bundletest.New(t, 10).AddWholeCharm("app", 5, 3000))
	mapped := bundletest.New(t, 30).AddWholeCharm("app", 7, 3000)
	for _, r := range mapped.CharmResources {
		if r.Image != nil {
			r.Image.Name = "local/app:1"
		}
	}
	write("mapped.tar.gz", mapped)
	write("app-other.tar.gz", registeredAgain(t))
	write("kit.tar.gz", kit(t, 20))
	write("gaps.tar.gz", withGaps(t))
	one := withImageName(t, "one", 20).Add("tool", 4, 1000)
	one.Snaps[0].ChannelMap = append(one.Snaps[0].ChannelMap, snap.Release{Architecture: "arm64", Channel: "latest/stable", Revision: 4})
	write("one.tar.gz", one)
	write("two.tar.gz", withImageName(t, "two", 21))
	original := originalExport(t)
	for name, content := range map[string][]byte{
		"charmer.pem": bundletest.Public(t, bundletest.Key("exporter")).PEM(), "charms-export-20220426T163115.tar.gz": original, "cut.tar.gz": original[:len(original)/2],
	} {
		if err := os.WriteFile(filepath.Join(f.dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// registeredAgain returns another charm of the name app.
func registeredAgain(t *testing.T) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, 40).AddWholeCharm("app", 1, 3000)
	id := bundletest.CharmID("the other app")
	b.Charms[0].ID, b.CharmRevisions[0].ID = id, id
	for _, r := range b.CharmResources {
		r.CharmID = id
	}
	return b
}

// kit returns a charm bundle with everything that it needs.
func kit(t *testing.T, days int) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, days).AddWholeCharm("app", 7, 3000).AddWholeCharm("web", 3, 2000).Add("tool", 4, 1000)
	b.CharmRevisions[0].Snaps = []charm.SnapHint{{Name: "tool"}}
	b.AddCharmBundle("kit", charm.Release{Channel: "latest/stable", Revision: 2})
	b.AddBundleRevision("kit", 2, "applications:\n  app: {charm: app}\n  web: {charm: 'ch:web', channel: edge, scale: 1}\n  mine: {charm: ./mine.charm}\n")
	b.CharmRevisions[len(b.CharmRevisions)-1].Images = []charm.Image{{Name: "osm/pla:daily", Digest: b.AddImage("pla", "linux/amd64").String()}}
	return b
}

// withGaps returns charms that need things which are missing.
func withGaps(t *testing.T) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, 20).Add("tool", 4, 1000)
	add := func(name string, image bool, resources []charm.ResourceRef, snaps ...charm.SnapHint) {
		b.AddCharm(name, charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 1, Resources: resources})
		b.AddCharmRevision(name, 1, *bundletest.Base("22.04")).Snaps = snaps
		b.AddMissingResource(name, "data")
		dg := b.AddImage(name, "linux/amd64")
		if !image {
			b.RemoveManifest(dg)
		}
		b.AddImageResource(name, "image", 1, dg)
	}
	data, img := charm.ResourceRef{Name: "data"}, charm.ResourceRef{Name: "image", Revision: 1}
	all := []charm.ResourceRef{data, img}
	add("no-resource", true, []charm.ResourceRef{img})
	add("no-image", false, all)
	add("no-snap", true, all, charm.SnapHint{Name: "away", Channel: "2/edge"})
	add("no-snap-revision", true, all, charm.SnapHint{Name: "tool", Revisions: map[string]int{"amd64": 5, "arm64": 6}})
	add("whole", true, all, charm.SnapHint{Name: "tool", Revisions: map[string]int{"amd64": 4}}, charm.SnapHint{Name: "elsewhere", Revisions: map[string]int{"s390x": 1}})
	b.AddCharmBundle("pile", charm.Release{Channel: "latest/stable", Revision: 1})
	b.AddBundleRevision("pile", 1, "applications:\n  a: {charm: absent}\n  b: {charm: whole, channel: 9/edge}\n  c: {charm: whole, channel: edge}\n  d: {charm: whole, channel: stable, revision: 2}\n")
	return b
}

// withImageName returns a charm whose image has a name of the operator's.
func withImageName(t *testing.T, name string, days int) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, days)
	b.AddCharm(name, charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 1, Resources: []charm.ResourceRef{{Name: "image", Revision: 1}}})
	b.AddCharmRevision(name, 1, *bundletest.Base("22.04"))
	b.AddImageResource(name, "image", 1, b.AddImage(name, "linux/amd64")).Image.Name = "mp/i:v"
	return b
}

// layerOf returns the path, in the data folder, of the layer of a bundle's first image.
func layerOf(t *testing.T, b *bundletest.Bundle) string {
	t.Helper()
	var m ocispec.Manifest
	if err := json.Unmarshal(b.Images[0].Raw, &m); err != nil || len(m.Layers) != 1 {
		t.Fatalf("manifest %s: %v", b.Images[0].Raw, err)
	}
	return "blobs/sha256/" + m.Layers[0].Digest.Encoded()
}

// originalExport returns a file in the form of the original store-admin, with the credentials of an image in it.
func originalExport(t *testing.T, more ...bundletest.File) []byte {
	t.Helper()
	b := bundletest.New(t, 0)
	rev := b.AddCharmRevision("app", 20, *bundletest.Base("20.04"))
	const image = `{"ImageName":"registry.jujucharms.com/charm/abc/image@sha256:%064x","Username":"docker-registry","Password":"s3cr3t-macaroon"}`
	nested := packed(t, file("app_20.charm", string(b.Content(rev.Blob.Digest))), file("resources/app.data_4", "some data"),
		file("resources/app.image_3", fmt.Sprintf(image, 7)))
	return packed(t, append([]bundletest.File{file("bundle.yaml", "applications:\n  any: {charm: app, channel: 2/edge}\n"), file("app.tar.gz", string(nested))}, more...)...)
}

func packed(t *testing.T, files ...bundletest.File) []byte {
	t.Helper()
	for i := range files {
		files[i].Header.Format = tar.FormatPAX
	}
	return bundletest.Gzip(t, bytes.Clone(bundletest.Pack(t, files)))
}
