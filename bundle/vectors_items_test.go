package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/internal/vectortest"
)

// itemFlaws returns bundles with one wrong item, independent of its kind.
func itemFlaws() []flaw {
	manifest := func(edit func(*ociManifest)) func(*forge) { return func(f *forge) { f.items[0].edit = edit } }
	layer := func(edit func(*ociDescriptor)) func(*forge) {
		return func(f *forge) { f.items[0].layers[0].edit = edit }
	}
	raw := func(edit func([]byte) []byte) func(*forge) { return func(f *forge) { f.items[0].editRaw = edit } }
	config := func(edit func([]byte) []byte) func(*forge) {
		return func(f *forge) { c := f.items[0].config; c.data = edit(c.data) }
	}
	title := func(s string) func(*forge) {
		return layer(func(d *ociDescriptor) { d.Annotations["org.opencontainers.image.title"] = s })
	}
	return []flaw{
		{name: "manifest-subject", shows: "An item's manifest has a subject.", edit: manifest(func(m *ociManifest) { m.Subject = &m.Config }), step: 8},
		{name: "manifest-type", shows: "An item's manifest is of another artifactType than its descriptor.", edit: manifest(func(m *ociManifest) { m.ArtifactType = vnd + "charm.v1" }), step: 8},
		{name: "manifest-newline", shows: "A line end follows an item's manifest.", edit: raw(func(b []byte) []byte { return append(b, '\n') }), step: 10},
		{name: "manifest-duplicate-key", shows: "A field stands in an item's manifest twice.", edit: raw(func(b []byte) []byte { return append([]byte(`{"schemaVersion":2,`), b[1:]...) }), step: 10},
		{name: "config-media-type", shows: "An item's config has another media type.", edit: manifest(func(m *ociManifest) { m.Config.MediaType = "text/plain" }), step: 8},
		{name: "layer-media-type", shows: "An item's layer has another media type.", edit: layer(func(d *ociDescriptor) { d.MediaType = "text/plain" }), step: 8},
		{name: "layer-urls", shows: "An item's layer has urls.", edit: layer(func(d *ociDescriptor) { d.URLs = []string{"https://example.com/x"} }), step: 8},
		{name: "layer-missing", shows: "An item has no layers where it needs one.", edit: manifest(func(m *ociManifest) { m.Layers = []ociDescriptor{} }), result: vectortest.Limit, step: 8},
		{name: "layer-twice", shows: "An item has its layer twice.", edit: manifest(func(m *ociManifest) { m.Layers = append(m.Layers, m.Layers[0]) }), step: 10},
		{name: "layers-too-many", shows: "An item has more layers than the format allows.", edit: manifest(func(m *ociManifest) {
			for range 512 {
				m.Layers = append(m.Layers, m.Layers[0])
			}
		}), result: vectortest.Limit, step: 8},
		{name: "layer-size", shows: "An item's layer has another size than its config says.", edit: layer(func(d *ociDescriptor) { d.Size++ }), step: 10},
		{name: "layer-huge", shows: "An item's layer has more bytes than the format allows.", edit: layer(func(d *ociDescriptor) { d.Size = 1<<40 + 1 }), result: vectortest.Limit, step: 8},
		{name: "layer-wrong-digest", shows: "An item's layer has another digest than its config says.", edit: layer(func(d *ociDescriptor) { d.Digest = "sha256:" + strings.Repeat("0", 64) }), step: 10},
		{name: "title-parent", shows: "A title is a path: ../x.", edit: title("../x"), step: 8},
		{name: "title-other", shows: "A title is another than the item's name asks for.", edit: title("evil.zip"), step: 10},
		{name: "config-and-more", shows: "Something follows the value in a config.", edit: config(func(b []byte) []byte { return append(b, '1') }), step: 10},
		{name: "config-of-another-item", shows: "An item's name is another than its config says.", edit: func(f *forge) { f.items[0].name = "charm.kit_3" }, step: 10},
		{name: "revision-0", shows: "A revision has the number 0.", edit: change("charm.kit_2", func(i *charm.Item) { i.Revision.Number = 0 }), step: 10},
		{name: "released-revision-missing", shows: "A channel holds a revision that the bundle does not have.", edit: change("charm.kit", func(l *charm.Listing) { l.ChannelMap[0].Revision = 9 }), step: 10},
		{name: "charm-missing", shows: "A revision's charm is not in the bundle.", edit: func(f *forge) { f.items = f.items[:1] }, step: 10},
		{name: "charm-id-twice", shows: "Two charms have one id.", edit: func(f *forge) {
			other, data := *f.find("charm.kit"), *f.find("charm.kit").config
			data.data = recode(data.data, func(l *charm.Listing) { l.Name, l.ChannelMap = "kit2", []charm.Release{} })
			other.name, other.config = "charm.kit2", &data
			f.items = append(f.items, &other)
		}, step: 10},
		{name: "name-path", shows: "The name of a charm is a path.", edit: change("charm.kit", func(l *charm.Listing) { l.Name = "../kit" }), step: 10},
		{name: "channel-twice", shows: "A channel map has two rows of the same channel.", edit: change("charm.kit", func(l *charm.Listing) { l.ChannelMap = append(l.ChannelMap, l.ChannelMap[0]) }), step: 10},
	}
}

// charmFlaws returns bundles with a wrong charm or resource.
func charmFlaws(t *testing.T) []flaw {
	const pg, pg9, data, image = "charm.pg", "charm.pg_9", "charm.pg.data_3", "charm.pg.image_5"
	return []flaw{
		{name: "archive-differs", shows: "The file in a charm's archive is another than its config says.", base: pgVector, result: vectortest.Mismatch, step: 11, edit: change(pg9, func(i *charm.Item) {
			i.Revision.ConfigYAML = "options: {}\n"
		})},
		{name: "archive-file-twice", shows: "A charm's archive has metadata.yaml twice.", base: pgVector, result: vectortest.Mismatch, step: 11, edit: repack(
			zip.FileHeader{Name: "metadata.yaml"}, zip.FileHeader{Name: "metadata.yaml"})},
		{name: "archive-spelling", shows: "A charm's archive also has ./metadata.yaml.", base: pgVector, result: vectortest.Mismatch, step: 11, edit: repack(
			zip.FileHeader{Name: "metadata.yaml"}, zip.FileHeader{Name: "./metadata.yaml"})},
		{name: "archive-link", shows: "The metadata.yaml of a charm's archive is a symbolic link.", base: pgVector, result: vectortest.Mismatch, step: 11, edit: repack(
			zip.FileHeader{Name: "metadata.yaml", CreatorVersion: 3 << 8, ExternalAttrs: 0o120777 << 16})},
		{name: "resource-sha384", shows: "A resource has another SHA-384 than its config says.", base: pgVector, result: vectortest.DamagedBlob, resource: data, step: 11, edit: change(data, func(r *charm.ResourceItem) {
			r.Resource.Download.SHA384 = strings.Repeat("0", 96)
		})},
		{name: "download-url", shows: "A download has a URL.", base: pgVector, step: 10, edit: change(pg9, func(i *charm.Item) { i.Revision.Download.URL = "https://example.com/x" })},
		{name: "resource-missing", shows: "A channel holds a resource that the bundle does not have.", base: pgVector, step: 10, edit: func(f *forge) { f.remove(data) }},
		{name: "image-credentials", shows: "The name of an image has credentials.", base: pgVector, step: 10, edit: change(image, func(r *charm.ResourceItem) {
			r.Image.Name = "user:secret@registry.example.com/x"
		})},
		{name: "base-not-concrete", shows: "A row of a channel map has the base NA.", base: pgVector, step: 10, edit: change(pg, func(l *charm.Listing) {
			l.ChannelMap[0].Base = &charm.Base{Name: "NA", Channel: "NA", Architecture: "NA"}
		})},
		{name: "blob-in-two-sizes", shows: "A blob is described with two sizes.", base: pgVector, step: 9, edit: func(f *forge) {
			f.pgImage(`{"mediaType":"x","digest":"sha256:` + sha(f.find(data).layers[0].data) + `","size":1}`)
		}},
	}
}

// repack makes the archive of pgVector's charm anew, with these entries for its metadata.yaml.
func repack(metadata ...zip.FileHeader) func(*forge) {
	return func(f *forge) {
		var out bytes.Buffer
		l := f.find("charm.pg_9").layers[0]
		from, err := zip.NewReader(bytes.NewReader(l.data), int64(len(l.data)))
		w := zip.NewWriter(&out)
		for _, file := range from.File {
			entries := []zip.FileHeader{{Name: file.Name}}
			if file.Name == "metadata.yaml" {
				entries = metadata
			}
			for _, h := range entries {
				text, openErr := file.Open()
				to, createErr := w.CreateHeader(&h)
				_, copyErr := io.Copy(to, text)
				err = errors.Join(err, openErr, createErr, copyErr)
			}
		}
		if err := errors.Join(err, w.Close()); err != nil {
			panic(err)
		}
		l.data = out.Bytes()
		change("charm.pg_9", func(i *charm.Item) {
			i.Revision.Download.SHA256, i.Revision.Download.Size = sha(l.data), int64(out.Len())
		})(f)
	}
}

// pgImage replaces the image of pgVector by one with these layers.
func (f *forge) pgImage(layers string) {
	raw := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:%s","size":2},"layers":[%s]}`, sha([]byte("{}")), layers)
	f.pgManifest(ociManifestType, raw)
}

// pgManifest replaces the images of pgVector by the manifest raw.
func (f *forge) pgManifest(mediaType, raw string) {
	i := slices.IndexFunc(f.items, func(it *forgeItem) bool { return it.imageType == ociIndexType })
	index := f.items[i]
	f.items = slices.DeleteFunc(f.items, func(it *forgeItem) bool { return it.image != nil && it != index })
	f.replaceImage(index, []byte(raw))
	index.imageType = mediaType
}

// pgEntry adds an entry to the index of pgVector's image. The manifests that it lists stay.
func (f *forge) pgEntry(entry string) {
	i := slices.IndexFunc(f.items, func(it *forgeItem) bool { return it.imageType == ociIndexType })
	f.replaceImage(f.items[i], replaceOnce(f.items[i].image, `"manifests":[`, `"manifests":[`+entry+`,`))
}

// imageFlaws returns bundles with a wrong image.
func imageFlaws(t *testing.T) []flaw {
	const first, second, both = 0, 1, 2
	name := func(i int) string { return "image-" + pgVector(t).images[i].Digest.Encoded() }
	out := []flaw{
		{name: "image-of-no-resource", shows: "No resource has an image that is in the bundle.", base: pgVector, step: 10, edit: func(f *forge) {
			f.remove("charm.pg.image_5")
			change("charm.pg", func(l *charm.Listing) { l.ChannelMap[0].Resources = l.ChannelMap[0].Resources[:1] })(f)
		}},
		{name: "image-index-alone", shows: "None of the manifests that an index lists is in the bundle.", base: pgVector, step: 10, edit: func(f *forge) { f.remove(name(first), name(second)) }},
		{name: "image-name", shows: "An image has another name than its digest gives it.", base: pgVector, step: 10, edit: func(f *forge) {
			f.find(name(both)).name = "image-" + strings.Repeat("f", 64)
			slices.SortFunc(f.items, compareForged)
		}},
	}
	for _, i := range []struct{ name, shows string }{
		{"a layer of the internet", "A layer has urls."},
		{"a foreign layer", "A layer has a media type with .foreign. in it."},
		{"layers twice", "The name layers stands in an image's manifest twice."},
		{"layers in capitals", "The name layers stands in an image's manifest in two spellings."},
		{"both manifest and index", "An image's manifest lists manifests, too."},
		{"another type than it says", "An image's manifest has another mediaType than its descriptor."},
		{"sha512", "An image's layer has a digest by another algorithm."},
	} {
		image := hostileImages()[i.name]
		out = append(out, flaw{name: "image-" + strings.ReplaceAll(i.name, " ", "-"), shows: i.shows, base: pgVector, step: 8, edit: func(f *forge) { f.pgManifest(image.mediaType, image.raw) }})
	}
	return out
}

// directoryFlaws returns layout directories that were changed after they were written.
func directoryFlaws() []flaw {
	payload := func(f vectorFiles) string { return "blobs/sha256/" + sha(f.payload()) }
	return []flaw{
		{name: "dir-no-layout", framing: "directory", shows: "oci-layout is missing.", result: vectortest.NotBundle, step: 1, files: func(f vectorFiles) { delete(f, "oci-layout") }},
		{name: "dir-no-index", framing: "directory", shows: "index.json is missing.", step: 2, files: func(f vectorFiles) { delete(f, "index.json") }},
		{name: "dir-missing-blob", framing: "directory", shows: "A blob is missing.", result: vectortest.DamagedBlob, damaged: true, step: 11, files: func(f vectorFiles) { delete(f, payload(f)) }},
		{name: "dir-altered-blob", framing: "directory", shows: "A bit of a blob is flipped.", result: vectortest.DamagedBlob, damaged: true, step: 11, files: func(f vectorFiles) {
			name := payload(f)
			f[name] = slices.Clone(f[name])
			f[name][60] ^= 1
		}},
		{name: "dir-short-blob", framing: "directory", shows: "A blob was cut off.", result: vectortest.DamagedBlob, damaged: true, step: 11, files: func(f vectorFiles) {
			name := payload(f)
			f[name] = f[name][:100]
		}},
		{name: "dir-symlink", framing: "directory", shows: "A symbolic link stands in the place of a blob, and leads to its content.", result: vectortest.DamagedBlob, damaged: true, step: 11, files: func(f vectorFiles) {
			name := payload(f)
			f["blobs/.moved"] = f[name]
			f[name] = []byte(vectorLink + "../.moved")
		}},
		{name: "dir-extra-file", framing: "directory", shows: "A file that the bundle does not name.", step: 12, files: func(f vectorFiles) { f["README"] = []byte("x") }},
		{name: "dir-extra-blob", framing: "directory", shows: "A blob that the bundle does not name.", step: 12, files: func(f vectorFiles) { f["blobs/sha256/"+sha([]byte("x"))] = []byte("x") }},
	}
}

// payload returns the one blob of the payload: a zip archive.
func (files vectorFiles) payload() []byte {
	for _, b := range files {
		if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
			return b
		}
	}
	return nil
}
