package bundletest

import (
	"archive/zip"
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/upstreamtest"
)

// CharmPublisher is the account that publishes all charms.
const CharmPublisher = "charm-publisher"

// CharmID returns the ID of the charm with a name.
func CharmID(name string) string { return upstreamtest.ID("charm " + name) }

// Base returns the Ubuntu base of a release for amd64.
func Base(release string) *charm.Base {
	return &charm.Base{Name: "ubuntu", Channel: release, Architecture: "amd64"}
}

// AddWholeCharm adds a charm with one revision, released to latest/stable for ubuntu@22.04 amd64. Its resource "data" is a
// file of size bytes, and its resource "image" is a container image for two platforms.
func (b *Bundle) AddWholeCharm(name string, revision int, size int64) *Bundle {
	b.tb.Helper()
	b.AddCharm(name, charm.Release{Base: Base("22.04"), Channel: "latest/stable", Revision: revision, ReleasedAt: "2024-02-03T04:05:06+00:00",
		Resources: []charm.ResourceRef{{Name: "data", Revision: revision}, {Name: "image", Revision: revision}}})
	b.AddCharmRevision(name, revision, *Base("22.04"))
	seed := fmt.Sprintf("%s_%d", name, revision)
	b.AddResource(name, "data", revision, b.Blob("resource "+seed, size))
	b.AddImageResource(name, "image", revision, b.AddImage(seed, "linux/amd64", "linux/arm64"))
	return b
}

// AddCharm adds a charm by name, with its channel map.
func (b *Bundle) AddCharm(name string, rows ...charm.Release) *bundle.Charm {
	b.tb.Helper()
	c := &bundle.Charm{
		Listing: charm.Listing{
			ChannelMap: rows, DefaultTrack: "latest", ID: CharmID(name), Name: name, Type: charm.TypeCharm,
			Result: charm.Details{
				Title: name, Summary: "A charm of a test", License: "Apache-2.0", DeployableOn: []string{},
				Publisher:  charm.Publisher{ID: CharmPublisher, Username: CharmPublisher, DisplayName: "Charmers", Validation: "verified"},
				Categories: []charm.Category{{Name: "databases"}}, Media: []charm.Media{}, Links: map[string][]string{},
			},
		},
		Assertions: b.Stream(b.Stack.Account(CharmPublisher, "Charmers", nil)),
	}
	b.Charms = append(b.Charms, c)
	return c
}

// AddCharmBundle adds a charm bundle by name, with its channel map.
func (b *Bundle) AddCharmBundle(name string, rows ...charm.Release) *bundle.Charm {
	b.tb.Helper()
	c := b.AddCharm(name, rows...)
	c.Type = charm.TypeBundle
	return c
}

// AddCharmRevision adds a revision of a charm for these bases. Its archive is a valid zip file that declares the resources
// data and image.
func (b *Bundle) AddCharmRevision(name string, revision int, bases ...charm.Base) *bundle.CharmRevision {
	b.tb.Helper()
	it := charm.Revision{
		MetadataYAML: fmt.Sprintf("name: %s\nsummary: A charm of a test\ndescription: None.\nresources:\n  data:\n    type: file\n    filename: data.bin\n"+
			"  image:\n    type: oci-image\nprovides:\n  db:\n    interface: %s\n", name, name),
		ConfigYAML:  fmt.Sprintf("options:\n  revision:\n    type: int\n    default: %d\n", revision),
		ActionsYAML: "backup:\n  description: Save it.\n",
		Number:      revision, CreatedAt: "2024-02-03T04:05:06+00:00", Version: fmt.Sprint(revision),
	}
	manifest := "bases:\n"
	for _, base := range bases {
		it.Bases = append(it.Bases, &base)
		manifest += fmt.Sprintf("- name: %s\n  channel: %q\n  architectures: [%s]\n", base.Name, base.Channel, base.Architecture)
	}
	return b.addCharmRevision(name, charm.TypeCharm, it, map[string]string{
		"metadata.yaml": it.MetadataYAML, "config.yaml": it.ConfigYAML, "actions.yaml": it.ActionsYAML, "manifest.yaml": manifest,
	})
}

// AddBundleRevision adds a revision of a charm bundle with this bundle.yaml.
func (b *Bundle) AddBundleRevision(name string, revision int, yaml string) *bundle.CharmRevision {
	b.tb.Helper()
	it := charm.Revision{BundleYAML: yaml, ReadmeMD: "# " + name + "\n", Number: revision, CreatedAt: "2024-02-03T04:05:06+00:00",
		Version: fmt.Sprint(revision), Bases: []*charm.Base{nil}}
	return b.addCharmRevision(name, charm.TypeBundle, it, map[string]string{"bundle.yaml": yaml, "README.md": it.ReadmeMD})
}

func (b *Bundle) addCharmRevision(name, typ string, it charm.Revision, files map[string]string) *bundle.CharmRevision {
	b.tb.Helper()
	blob := b.BlobOf(zipOf(b.tb, files))
	it.Download = charm.Download{SHA256: blob.Digest.Encoded(), Size: blob.Size}
	r := &bundle.CharmRevision{
		Item: charm.Item{ID: CharmID(name), Name: name, Revision: it, Type: typ},
		Blob: bundle.File{Digest: blob.Digest, Size: blob.Size},
	}
	b.CharmRevisions = append(b.CharmRevisions, r)
	return r
}

// zipOf returns an archive of files. The same files always give the same archive.
func zipOf(tb testing.TB, files map[string]string) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range []string{"metadata.yaml", "manifest.yaml", "config.yaml", "actions.yaml", "bundle.yaml", "README.md"} {
		text, ok := files[name]
		if !ok {
			continue
		}
		f, err := w.Create(name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// AddResource adds a revision of a charm's file resource.
func (b *Bundle) AddResource(name, resource string, revision int, blob bundle.Blob) *bundle.CharmResource {
	b.tb.Helper()
	sum := sha512.New384()
	if _, err := io.Copy(sum, b.contents[blob.Digest]()); err != nil {
		b.tb.Fatal(err)
	}
	r := b.addResource(name, charm.Resource{Name: resource, Revision: revision, Type: charm.ResourceFile, Filename: resource + ".bin",
		Download: charm.Download{SHA256: blob.Digest.Encoded(), SHA384: hex.EncodeToString(sum.Sum(nil)), Size: blob.Size}})
	r.Blob = &bundle.File{Digest: blob.Digest, Size: blob.Size}
	return r
}

// AddMissingResource adds a resource whose file was never uploaded: revision 0.
func (b *Bundle) AddMissingResource(name, resource string) *bundle.CharmResource {
	b.tb.Helper()
	return b.addResource(name, charm.Resource{Name: resource, Type: charm.ResourceFile, Filename: resource + ".bin",
		Download: charm.Download{SHA256: charm.EmptySHA256, SHA384: charm.EmptySHA384}})
}

// AddImageResource adds a revision of a charm's image resource. The bundle may lack the image.
func (b *Bundle) AddImageResource(name, resource string, revision int, image digest.Digest) *bundle.CharmResource {
	b.tb.Helper()
	path := fmt.Sprintf("charm/%s/%s@%s", strings.ToLower(CharmID(name)), resource, image)
	r := b.addResource(name, charm.Resource{Name: resource, Revision: revision, Type: charm.ResourceImage})
	r.Image = &charm.Image{Digest: image.String(), Name: path, Source: "registry.example.com/" + path}
	return r
}

func (b *Bundle) addResource(name string, res charm.Resource) *bundle.CharmResource {
	b.tb.Helper()
	res.Description, res.CreatedAt = "A resource of a test", "2024-02-03T04:05:06.123456"
	r := &bundle.CharmResource{ResourceItem: charm.ResourceItem{Charm: name, CharmID: CharmID(name), Resource: res}}
	b.CharmResources = append(b.CharmResources, r)
	return r
}

func (b *Bundle) addCharms(d *bundle.Builder) error {
	for _, c := range b.Charms {
		if err := d.AddCharm(c); err != nil {
			return err
		}
	}
	for _, r := range b.CharmRevisions {
		if err := d.AddCharmRevision(r); err != nil {
			return err
		}
	}
	for _, r := range b.CharmResources {
		if err := d.AddCharmResource(r); err != nil {
			return err
		}
	}
	for _, m := range b.Images {
		if err := d.AddImageManifest(m); err != nil {
			return err
		}
	}
	return nil
}
