package bundle_test

import (
	"cmp"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
)

// charmContent holds the charms of a bundle. Images are in their order in the sealed bundle.
type charmContent struct {
	charms         []*bundle.Charm
	charmRevisions []*bundle.CharmRevision
	charmResources []*bundle.CharmResource
	images         []*bundle.ImageManifest
	imageBlobs     map[digest.Digest][][]byte // config and layers, by manifest
}

const (
	pgID  = "ABCDEFGHabcdefgh0123456789ABCDEF"
	kitID = "kitkitkitkitkitkitkitkitkitkitki"

	dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerListType     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

func base(release, arch string) *charm.Base {
	return &charm.Base{Name: "ubuntu", Channel: release, Architecture: arch}
}

// charmSample returns a small bundle with one of everything that charms have: a charm with an icon, a charm bundle without any,
// resources of each kind, and three images: for several platforms, in Docker's format, and one that the bundle lacks.
func charmSample(tb testing.TB) *content {
	tb.Helper()
	c := sample(tb)
	c.snaps, c.revisions, c.blobs = nil, nil, make(map[digest.Digest][]byte)
	c.imageBlobs = make(map[digest.Digest][][]byte)
	c.charms = []*bundle.Charm{
		{
			Listing: charm.Listing{Name: "pg", ID: pgID, Type: charm.TypeCharm, DefaultTrack: "14",
				Result: charm.Details{Title: "pg <&> ü", Publisher: charm.Publisher{ID: "publisher1"}},
				ChannelMap: []charm.Release{
					{Base: base("22.04", "amd64"), Channel: "14/stable", Revision: 9, ReleasedAt: "2024-02-03T04:05:06Z", Resources: []charm.ResourceRef{
						{Name: "data", Revision: 3}, {Name: "image", Revision: 5}, {Name: "policy", Revision: 0}}},
					{Base: base("22.04", "arm64"), Channel: "14/stable", Revision: 10, Resources: []charm.ResourceRef{{Name: "docker.image", Revision: 1}}},
					{Base: base("22.04", "arm64"), Channel: "14/edge"},
				},
			},
			Assertions: []byte("type: account\n\nsignature\n"),
			Icon:       &bundle.Icon{MediaType: "image/svg+xml", Data: []byte("<svg/>")},
		},
		{Listing: charm.Listing{Name: "kit", ID: kitID, Type: charm.TypeBundle, ChannelMap: []charm.Release{{Channel: "latest/stable", Revision: 2}}}},
	}
	c.addCharm("pg", pgID, charm.TypeCharm, 9, 900)
	c.addCharm("pg", pgID, charm.TypeCharm, 10, 1000)
	c.addCharm("kit", kitID, charm.TypeBundle, 2, 300)
	data := c.addResource("pg", "data", 3, 2000)
	c.addResource("pg", "policy", 0, 0)
	amd64 := c.addImage(ociManifestType, c.random(700, "config"), c.random(3000, "layer"), c.random(100, "shared"))
	arm64 := c.addImage(ociManifestType, []byte("{}"), c.random(100, "shared"), c.blobs[data.Blob.Digest])
	elsewhere := descriptorOf(ociManifestType, []byte("of another platform"))
	c.addImageResource("pg", "image", 5, c.addIndex(ociIndexType, amd64, elsewhere, arm64))
	c.addImageResource("pg", "docker.image", 1, c.addImage(dockerManifestType, c.random(50, "docker"), []byte{}, []byte("layer"), c.charms[0].Icon.Data, []byte("layer")))
	c.addImageResource("pg", "image", 4, descriptorOf(ociIndexType, []byte("left out")))
	return c
}

// fullSample returns a bundle with charms and with snaps. The file of one snap is also the file of a resource.
func fullSample(tb testing.TB) *content {
	tb.Helper()
	c, snaps := charmSample(tb), sample(tb)
	c.snaps, c.revisions = snaps.snaps, snaps.revisions
	for d, b := range snaps.blobs {
		c.blobs[d] = b
	}
	c.addResourceOf("pg", "snap", 1, snaps.blobs[snaps.revisions[0].Blob.Digest])
	return c
}

func (c *content) random(n int, seed string) []byte { return c.blobs[c.blob(n, seed).Digest] }

func (c *content) addCharm(name, id, typ string, revision, size int) {
	blob := c.blob(size, fmt.Sprintf("%s_%d", name, revision))
	r := &bundle.CharmRevision{
		Item: charm.Item{Name: name, ID: id, Type: typ, Revision: charm.Revision{Number: revision, Version: "1.7",
			Download: charm.Download{SHA256: blob.Digest.Encoded(), Size: blob.Size}}},
		Blob: bundle.File{Digest: blob.Digest, Size: blob.Size},
	}
	if typ == charm.TypeBundle {
		r.Revision.BundleYAML, r.Revision.Bases = "applications: {}\n", []*charm.Base{nil}
	} else {
		r.Revision.MetadataYAML, r.Revision.Bases = "name: "+name+"\n", []*charm.Base{base("22.04", "amd64")}
		r.Snaps = []charm.SnapHint{{Name: "jq", Revisions: map[string]int{"amd64": 6}}}
	}
	c.charmRevisions = append(c.charmRevisions, r)
}

func (c *content) addResource(name, resource string, revision, size int) *bundle.CharmResource {
	return c.addResourceOf(name, resource, revision, c.random(size, resource))
}

func (c *content) addResourceOf(name, resource string, revision int, b []byte) *bundle.CharmResource {
	sum := sha512.Sum384(b)
	r := &bundle.CharmResource{ResourceItem: charm.ResourceItem{Charm: name, CharmID: pgID, Resource: charm.Resource{
		Name: resource, Revision: revision, Type: charm.ResourceFile, Filename: resource + ".bin",
		Download: charm.Download{SHA256: sha(b), SHA384: hex.EncodeToString(sum[:]), Size: int64(len(b))}}}}
	if len(b) > 0 {
		r.Blob = &bundle.File{Digest: digest.FromBytes(b), Size: int64(len(b))}
	} else {
		delete(c.blobs, digest.FromBytes(b))
	}
	c.charmResources = append(c.charmResources, r)
	return r
}

func (c *content) addImageResource(name, resource string, revision int, image ociDescriptor) {
	c.charmResources = append(c.charmResources, &bundle.CharmResource{ResourceItem: charm.ResourceItem{Charm: name, CharmID: pgID,
		Resource: charm.Resource{Name: resource, Revision: revision, Type: charm.ResourceImage},
		Image:    &charm.Image{Digest: image.Digest, Name: "charm/abc/" + resource + "@" + image.Digest, Source: "registry.example.com/x"}}})
}

// addImage adds a manifest. It has an unknown field, and a space that canonical JSON would not have.
func (c *content) addImage(mediaType string, config []byte, layers ...[]byte) ociDescriptor {
	m := ociManifest{SchemaVersion: 2, MediaType: mediaType, Config: descriptorOf("application/vnd.oci.image.config.v1+json", config)}
	for _, l := range layers {
		m.Layers = append(m.Layers, descriptorOf("application/vnd.oci.image.layer.v1.tar+gzip", l))
	}
	desc := c.addManifest(mediaType, append([]byte(`{"x": [1], `), toJSON(m)[1:]...))
	c.imageBlobs[digest.Digest(desc.Digest)] = append([][]byte{config}, layers...)
	for _, b := range append([][]byte{config}, layers...) {
		if string(b) != "{}" && string(b) != "<svg/>" { // these two are in the head
			c.put(b)
		}
	}
	return desc
}

func (c *content) addIndex(mediaType string, children ...ociDescriptor) ociDescriptor {
	return c.addManifest(mediaType, toJSON(ociIndex{SchemaVersion: 2, MediaType: mediaType, Manifests: children}))
}

func (c *content) addManifest(mediaType string, raw []byte) ociDescriptor {
	c.images = append(c.images, &bundle.ImageManifest{MediaType: mediaType, Digest: digest.FromBytes(raw), Raw: raw})
	return descriptorOf(mediaType, raw)
}

func (c *content) addCharms(d *bundle.Builder) error {
	for _, it := range c.charms {
		if err := d.AddCharm(it); err != nil {
			return err
		}
	}
	for _, r := range c.charmRevisions {
		if err := d.AddCharmRevision(r); err != nil {
			return err
		}
	}
	for _, r := range c.charmResources {
		if err := d.AddCharmResource(r); err != nil {
			return err
		}
	}
	for _, m := range c.images {
		if err := d.AddImageManifest(m); err != nil {
			return err
		}
	}
	return nil
}

// compareForged compares items in the order of the specification.
func compareForged(a, b *forgeItem) int {
	trimmed := func(it *forgeItem) string { return strings.TrimRight(it.name, "0123456789") }
	return cmp.Or(cmp.Compare(a.artifactType, b.artifactType), cmp.Compare(trimmed(a), trimmed(b)), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
}

// forgeCharms returns the items of charms for the forge.
func (c *content) forgeCharms() []*forgeItem {
	var items []*forgeItem
	for _, m := range c.images {
		items = append(items, &forgeItem{name: "image-" + sha(m.Raw), image: m.Raw, imageType: m.MediaType, blobs: c.imageBlobs[m.Digest]})
	}
	for _, r := range c.charmResources {
		it := &forgeItem{artifactType: vnd + "charm.resource.v1", name: fmt.Sprintf("charm.%s.%s_%d", r.Charm, r.Resource.Name, r.Resource.Revision),
			config: &forgeBlob{mediaType: vnd + "charm.resource.config.v1+json", data: toJSON(r.ResourceItem)}}
		if r.Blob != nil {
			it.layers = []*forgeBlob{{mediaType: vnd + "charm.resource.blob.v1", title: it.name[len("charm."):], data: c.blobs[r.Blob.Digest]}}
		}
		items = append(items, it)
	}
	for _, r := range c.charmRevisions {
		name := fmt.Sprintf("%s_%d", r.Name, r.Revision.Number)
		end := map[string]string{charm.TypeCharm: ".charm", charm.TypeBundle: ".zip"}[r.Type]
		items = append(items, &forgeItem{artifactType: vnd + "charm.revision.v1", name: "charm." + name,
			config: &forgeBlob{mediaType: vnd + "charm.revision.config.v1+json", data: toJSON(r.Item)},
			layers: []*forgeBlob{{mediaType: vnd + "charm.blob.v1+zip", title: name + end, data: c.blobs[r.Blob.Digest]}}})
	}
	for _, it := range c.charms {
		f := &forgeItem{artifactType: vnd + "charm.v1", name: "charm." + it.Name,
			config: &forgeBlob{mediaType: vnd + "charm.config.v1+json", data: toJSON(it.Listing)}}
		if it.Assertions != nil {
			f.layers = append(f.layers, &forgeBlob{mediaType: "application/x.ubuntu.assertion", title: it.Name + ".assert", data: it.Assertions})
		}
		if it.Icon != nil {
			f.layers = append(f.layers, &forgeBlob{mediaType: "image/svg+xml", title: it.Name + ".svg", data: it.Icon.Data})
		}
		items = append(items, f)
	}
	slices.SortFunc(items, compareForged)
	return items
}
