package catalog_test

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// withCharm adds a charm to an import: its revisions, and rows "channel@base channel/arch=revision,resource:revision" of its
// channel map. A row without base belongs to a charm bundle.
func withCharm(in *catalog.Import, name string, revisions []int, rows ...string) *catalog.Import {
	l := charm.Listing{Name: name, ID: snapID(name), Type: charm.TypeCharm, DefaultTrack: "latest", Result: charm.Details{Title: name, Summary: "of " + in.Name}}
	for _, r := range rows {
		l.ChannelMap = append(l.ChannelMap, charmRow(r))
		if !strings.Contains(r, "@") {
			l.Type = charm.TypeBundle
		}
	}
	for _, n := range revisions {
		b := charmBlob(name, n)
		in.Blobs = append(in.Blobs, b)
		in.CharmRevisions = append(in.CharmRevisions, catalog.ImportedCharmRevision{Blob: b.Digest, Item: charm.Item{Name: name, ID: snapID(name), Type: l.Type,
			Revision: charm.Revision{
				Number: n, Version: fmt.Sprint("v", n), MetadataYAML: "name: " + name + "\n", Bases: []*charm.Base{{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}},
				Download: charm.Download{SHA256: b.Digest.Encoded(), Size: b.Size},
			}, Snaps: []charm.SnapHint{{Name: "jq", Revisions: map[string]int{"amd64": n}}}}})
	}
	in.Charms = append(in.Charms, catalog.ImportedCharm{Listing: l})
	return in
}

// withFile adds a file as a resource of a charm.
func withFile(in *catalog.Import, name, resource string, revision int) *catalog.Import {
	b := charmBlob(name+"."+resource, revision)
	in.Blobs = append(in.Blobs, b)
	in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{Blob: b.Digest, ResourceItem: charm.ResourceItem{
		Charm: name, CharmID: snapID(name), Resource: charm.Resource{Name: resource, Revision: revision, Type: charm.ResourceFile, Filename: resource + ".zip",
			Download: charm.Download{SHA256: b.Digest.Encoded(), SHA384: strings.Repeat("ab", 48), Size: b.Size}},
	}})
	return in
}

// withImage adds an image as a resource of a charm, under a name in the registry.
func withImage(in *catalog.Import, name, resource string, revision int, image string) *catalog.Import {
	in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{ResourceItem: charm.ResourceItem{
		Charm: name, CharmID: snapID(name), Resource: charm.Resource{Name: resource, Revision: revision, Type: charm.ResourceImage},
		Image: &charm.Image{Name: image, Digest: digest.FromString(resource).String()},
	}})
	return in
}

// withManifest adds the manifest of an image, its config and its layers.
func withManifest(in *catalog.Import, name string, layers ...string) *catalog.Import {
	m := catalog.Image{Digest: digest.FromString(name), MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 500}
	in.Blobs = append(in.Blobs, catalog.Blob{Digest: m.Digest, Size: m.Size})
	for _, l := range append([]string{name + " config"}, layers...) {
		b := catalog.Blob{Digest: digest.FromString(l), Size: int64(len(l))}
		in.Blobs = append(in.Blobs, b)
		m.Blobs = append(m.Blobs, catalog.ImageBlob{Digest: b.Digest, Size: b.Size})
	}
	in.Images = append(in.Images, m)
	return in
}

// withIndex adds the index of an image with the children that the import has.
func withIndex(in *catalog.Import, name string, children ...string) *catalog.Import {
	m := catalog.Image{Digest: digest.FromString(name), MediaType: "application/vnd.oci.image.index.v1+json", Size: 300}
	for _, c := range children {
		m.Children = append(m.Children, digest.FromString(c))
	}
	in.Blobs = append(in.Blobs, catalog.Blob{Digest: m.Digest, Size: m.Size})
	in.Images = append(in.Images, m)
	return in
}

// charmBlob returns a blob without a SHA3-384.
func charmBlob(name string, revision int) catalog.Blob {
	return catalog.Blob{Digest: digest.FromString(fmt.Sprint("charm ", name, revision)), Size: int64(2000 + revision)}
}

// charmRow parses "14/stable@ubuntu 22.04 amd64=7,image:3".
func charmRow(s string) charm.Release {
	key, held, _ := strings.Cut(s, "=")
	r := charm.Release{}
	var base string
	if r.Channel, base, _ = strings.Cut(key, "@"); base != "" {
		f := strings.Fields(base)
		r.Base = &charm.Base{Name: f[0], Channel: f[1], Architecture: f[2]}
	}
	f := strings.Split(held, ",")
	fmt.Sscan(f[0], &r.Revision)
	for _, ref := range f[1:] {
		name, number, _ := strings.Cut(ref, ":")
		res := charm.ResourceRef{Name: name}
		fmt.Sscan(number, &res.Revision)
		r.Resources = append(r.Resources, res)
	}
	if r.Revision > 0 {
		r.ReleasedAt = "2026-01-02T03:04:05.123456+00:00"
	}
	return r
}

func charmRows(list []charm.Release) []string {
	out := []string{}
	for _, r := range list {
		s := r.Channel
		if r.Base != nil {
			s += "@" + r.Base.Name + " " + r.Base.Channel + " " + r.Base.Architecture
		}
		s += fmt.Sprint("=", r.Revision)
		for _, ref := range r.Resources {
			s += fmt.Sprintf(",%s:%d", ref.Name, ref.Revision)
		}
		out = append(out, s)
	}
	return out
}
