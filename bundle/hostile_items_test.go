package bundle_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/snap"
)

func TestHostileItems(t *testing.T) {
	t.Parallel()
	item := func(i int, edit func(*ociManifest)) func(*forge) { return func(f *forge) { f.items[i].edit = edit } }
	desc := func(i int, edit func(*ociDescriptor)) func(*forge) {
		return func(f *forge) { f.items[i].editDesc = edit }
	}
	layer := func(i, l int, edit func(*ociDescriptor)) func(*forge) {
		return func(f *forge) { f.items[i].layers[l].edit = edit }
	}
	raw := func(i int, edit func([]byte) []byte) func(*forge) {
		return func(f *forge) { f.items[i].editRaw = edit }
	}
	revision := func(i int, edit func(*snap.Item)) func(*forge) {
		return func(f *forge) { f.items[i].config.data = recode(f.items[i].config.data, edit) }
	}
	listing := func(i int, edit func(*snap.Listing)) func(*forge) {
		return func(f *forge) { f.items[i].config.data = recode(f.items[i].config.data, edit) }
	}
	title := func(s string) func(*forge) {
		return layer(1, 1, func(d *ociDescriptor) { d.Annotations["org.opencontainers.image.title"] = s })
	}
	const jq6, jq10, jq = 1, 2, 4 // places of items in the sample
	canonical := "canonical"
	tests := []hostile{
		{name: "no items", edit: func(f *forge) { f.items = nil }, is: bundle.ErrLimit},
		{name: "an item twice", edit: func(f *forge) { f.items = slices.Insert(f.items, 1, f.items[1]) }, want: "twice"},
		{name: "two items of a name", edit: func(f *forge) {
			again := *f.items[jq6]
			again.config = &forgeBlob{mediaType: again.config.mediaType, data: append(slices.Clone(again.config.data), ' ')}
			f.items = slices.Insert(f.items, 1, &again)
		}, want: "twice"},
		{name: "items out of order", edit: func(f *forge) { f.items[jq6], f.items[jq10] = f.items[jq10], f.items[jq6] }, want: "out of order"},
		{name: "an unknown kind", edit: func(f *forge) { f.items[jq].artifactType = vnd + "turtle.v1" }, want: "unknown kind"},
		{name: "an item that is a signature", edit: desc(0, func(d *ociDescriptor) { d.ArtifactType = vnd + "signature.v1" }), want: "unknown kind"},
		{name: "an index for an item", edit: desc(jq6, func(d *ociDescriptor) { d.MediaType = ociIndexType }), want: "not described as an item"},
		{name: "an annotation of an item", edit: desc(jq6, func(d *ociDescriptor) { d.Annotations["x"] = "y" }), want: "not described as an item"},
		{name: "an item without a name", edit: desc(0, func(d *ociDescriptor) { d.Annotations = nil }), is: bundle.ErrLimit},
		{name: "an item by another name", edit: func(f *forge) { f.items[jq6].name = "jq_7" }, want: "its config is of jq_6"},
		{name: "a snap by another name", edit: func(f *forge) { f.items[jq].name = "jqq" }, want: "its config is of jq"},
		{name: "a manifest of another kind", edit: item(jq6, func(m *ociManifest) { m.ArtifactType = vnd + "snap.v1" }), want: "not a manifest of type"},
		{name: "a manifest of another version", edit: item(jq6, func(m *ociManifest) { m.SchemaVersion = 1 }), want: "not a manifest of type"},
		{name: "a subject", edit: item(jq6, func(m *ociManifest) { m.Subject = &m.Config }), want: "has a subject"},
		{name: "annotations", edit: item(jq6, func(m *ociManifest) { m.Annotations = map[string]string{"x": "y"} }), want: "has a subject"},
		{name: "a config of another kind", edit: item(jq6, func(m *ociManifest) { m.Config.MediaType = "text/plain" }), want: "another kind of config"},
		{name: "no layers", edit: item(jq6, func(m *ociManifest) { m.Layers = nil }), is: bundle.ErrLimit},
		{name: "a layer of another kind", edit: layer(jq6, 1, func(d *ociDescriptor) { d.MediaType = "text/plain" }), want: "layer of type"},
		{name: "a layer with data", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Data = []byte("x") }), want: "data"},
		{name: "a layer with urls", edit: layer(jq6, 1, func(d *ociDescriptor) { d.URLs = []string{"x"} }), want: "urls"},
		{name: "a layer with a platform", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Platform = map[string]string{"os": "x", "architecture": "y"} }), want: "platform"},
		{name: "a layer with an artifactType", edit: layer(jq6, 1, func(d *ociDescriptor) { d.ArtifactType = "x" }), want: "does not follow"},
		{name: "a layer with an annotation", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Annotations["x"] = "y" }), want: "does not follow"},
		{name: "a layer without a title", edit: layer(jq6, 1, func(d *ociDescriptor) { delete(d.Annotations, "org.opencontainers.image.title") }), want: "no file name"},
		{name: "title ../x", edit: title("../x"), want: "no file name"},
		{name: "title /etc/passwd", edit: title("/etc/passwd"), want: "no file name"},
		{name: "title a/b", edit: title("a/b"), want: "no file name"},
		{name: `title a\b`, edit: title(`a\b`), want: "no file name"},
		{name: "title C:x", edit: title("C:x"), want: "no file name"},
		{name: "title ..", edit: title(".."), want: "no file name"},
		{name: "title -rf", edit: title("-rf"), want: "no file name"},
		{name: "title with a newline", edit: title("a\nb"), want: "no file name"},
		{name: "another title", edit: title("evil.snap"), want: "does not follow"},
		{name: "a layer without SHA3-384", edit: layer(jq6, 1, func(d *ociDescriptor) { delete(d.Annotations, "vnd.offlinestore.sha3-384") }), want: "no SHA3-384"},
		{name: "a layer with another SHA3-384", edit: func(f *forge) { f.items[jq6].layers[1].sha3 = strings.Repeat("0", 96) }, want: "not what the config says"},
		{name: "a layer with a longer SHA3-384", edit: func(f *forge) { f.items[jq6].layers[1].sha3 += "00" }, want: "no SHA3-384"},
		{name: "a layer with a SHA3-384 in capitals", edit: func(f *forge) { f.items[jq6].layers[1].sha3 = strings.ToUpper(f.items[jq6].layers[1].sha3) }, want: "does not follow"},
		{name: "a layer of another size", edit: layer(jq6, 1, func(d *ociDescriptor) { d.Size++ }), want: "not what the config says"},
		{name: "a config of another size", edit: revision(jq6, func(i *snap.Item) { i.Revision.Download.Size++ }), want: "not what the config says"},
		{name: "a blob in two sizes", edit: layer(jq10, 2, func(d *ociDescriptor) { d.Size++ }), want: "described in two ways"},
		{name: "a blob with two SHA3-384", edit: func(f *forge) { f.items[jq10].layers[2].sha3 = strings.Repeat("0", 96) }, want: "described in two ways"},
		{name: "layers in another order", edit: func(f *forge) { l := f.items[jq6].layers; l[0], l[1] = l[1], l[0] }, want: "want an assertion stream"},
		{name: "a component less", edit: func(f *forge) { f.items[jq6].layers = f.items[jq6].layers[:2] }, want: "its 1 components"},
		{name: "a component more", edit: func(f *forge) { l := f.items[jq6].layers; f.items[jq6].layers = append(l, l[2]) }, want: "its 1 components"},
		{name: "a component that is a snap", edit: func(f *forge) { f.items[jq6].layers[2].mediaType = vnd + "snap.blob.v1+squashfs" }, want: "no component"},
		{name: "components in another order", edit: func(f *forge) { l := f.items[jq10].layers; l[2], l[3] = l[3], l[2] }, want: "not what the config says"},
		{name: "two icons", edit: func(f *forge) { l := f.items[jq].layers; f.items[jq].layers = append(l, l[1]) }, want: "at most one icon"},
		{name: "an icon first", edit: func(f *forge) { l := f.items[jq].layers; l[0], l[1] = l[1], l[0] }, want: "at most one icon"},
		{name: "an icon of another type", edit: func(f *forge) { f.items[jq].layers[1].mediaType = "image/x-evil" }, want: "layer of type"},
		{name: "no assertions", edit: func(f *forge) { f.items[jq].layers = f.items[jq].layers[1:] }, want: "want an assertion stream"},
		{name: "a snap in the item of a name", edit: func(f *forge) { f.items[jq].layers = f.items[jq6].layers }, want: "layer of type"},
		{name: "an icon that is {}", edit: func(f *forge) { f.items[jq].layers[1].data = []byte("{}") }, want: "stands above the items"},
		{name: "an unknown field in a manifest", edit: raw(jq6, func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }), want: "does not follow"},
		{name: "a manifest with spaces", edit: raw(jq6, func(b []byte) []byte { return append(b, ' ') }), want: "does not follow"},
		{name: "a manifest and more", edit: raw(jq6, func(b []byte) []byte { return append(b, b...) }), want: "something follows"},
		{name: "a manifest that is none", edit: raw(jq6, func([]byte) []byte { return []byte(`[]`) }), want: "jq_6"},
		{name: "a config that is none", edit: func(f *forge) { f.items[jq6].config.data = []byte("[]") }, want: "config"},
		{name: "a config and more", edit: func(f *forge) { f.items[jq6].config.data = append(f.items[jq6].config.data, '1') }, want: "something follows"},
		{name: "a snap.yaml of 80,000 apps", edit: revision(jq6, func(i *snap.Item) { i.Revision.SnapYAML = hostileYAML("a%d: {}", 80_000) }), want: "too many"},
		{name: "a snap.yaml of 10,000 apps", edit: revision(jq6, func(i *snap.Item) { i.Revision.SnapYAML = hostileYAML("a%d: {}", 10_000) }), want: "more than 2000 keys"},
		{name: "revision 0", edit: revision(jq6, func(i *snap.Item) { i.Revision.Number = 0 }), want: "out of range"},
		{name: "a snap that is not there", edit: func(f *forge) { f.items = slices.Delete(f.items, jq, jq+1) }, want: "no snap of that name"},
		{name: "another snap-id", edit: revision(jq6, func(i *snap.Item) { i.SnapID = core24ID }), want: "no snap of that name and snap-id"},
		{name: "a revision that is not there", edit: func(f *forge) { f.items = slices.Delete(f.items, jq10, jq10+1) }, want: "revision 10 is released"},
		{name: "a release of another revision", edit: listing(jq, func(l *snap.Listing) { l.ChannelMap[0].Revision = 99 }), want: "revision 99 is released"},
		{name: "two releases of one epoch", edit: listing(jq, func(l *snap.Listing) {
			l.ChannelMap = append(l.ChannelMap, snap.Release{Architecture: "arm64", Channel: "latest/stable", Revision: 6})
		}), want: "two revisions of the same epoch"},
		{name: "a name that is a path", edit: listing(jq, func(l *snap.Listing) { l.Name = "../jq" }), want: "snap name"},
		{name: "a snap-id that is a path", edit: listing(jq, func(l *snap.Listing) { l.SnapID = "../../../../../../../../../../../" }), want: "snap-id"},
		{name: "an unknown field in the bundle index", edit: func(f *forge) {
			f.editRawD = func(b []byte) []byte { return append(b[:len(b)-1], `,"x":1}`...) }
		}, want: canonical},
		{name: "a bundle index that is none", edit: func(f *forge) { f.editRawD = func([]byte) []byte { return []byte("hello") } }, want: "invalid character"},
		{name: "a bundle index and more", edit: func(f *forge) { f.editRawD = func(b []byte) []byte { return append(b, '1') } }, want: "something follows"},
		{name: "spaces in the bundle index", edit: func(f *forge) { f.editRawD = func(b []byte) []byte { return append(b, '\n') } }, want: canonical},
		{name: "a subject of the bundle index", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.Subject = &d.Manifests[0] } }, want: canonical},
		{name: "an annotation of the bundle index", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.Annotations["x"] = "y" } }, want: canonical},
		{name: "a bundle index of another type", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.ArtifactType = "x" } }, want: canonical},
		{name: "a bundle index of another version", edit: func(f *forge) { f.editD = func(d *ociIndex) { d.SchemaVersion = 3 } }, want: canonical},
	}
	runHostile(t, tests)
}

// hostileYAML returns a snap.yaml with n apps, written by a format of their number.
func hostileYAML(app string, n int) string {
	var b strings.Builder
	b.WriteString("name: jq\nversion: '1'\napps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  "+app+"\n", i)
	}
	return b.String()
}

// recode edits JSON through a Go type.
func recode[T any](b []byte, edit func(*T)) []byte {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	edit(&v)
	return toJSON(v)
}
