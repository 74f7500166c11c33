package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
)

// hostileImages returns the manifests of images that no store should have.
func hostileImages() map[string]struct{ mediaType, raw, want string } {
	hex := strings.Repeat("a", 64)
	layer := func(s string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:%s","size":2},"layers":[%s]}`, hex, s)
	}
	child := `{"mediaType":"x","digest":"sha256:` + hex + `","size":1}`
	index := func(s string) string { return `{"schemaVersion":2,"manifests":[` + s + `]}` }
	const docker = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	return map[string]struct{ mediaType, raw, want string }{
		"no JSON":                        {ociManifestType, "hello", "invalid character"},
		"more than JSON":                 {ociManifestType, layer("") + "1", "something follows"},
		"an array":                       {ociManifestType, "[]", "want an object"},
		"null":                           {ociManifestType, "null", "null, want an object"},
		"an unknown type":                {"application/json", layer(""), "of type"},
		"a manifest of the first kind":   {"application/vnd.docker.distribution.manifest.v1+prettyjws", layer(""), "of type"},
		"schema version 1":               {ociManifestType, strings.Replace(layer(""), ":2,", ":1,", 1), "schema version 1"},
		"another type than it says":      {ociManifestType, `{"mediaType":"` + ociIndexType + `",` + layer("")[1:], "calls itself"},
		"both manifest and index":        {ociManifestType, `{"manifests":[],` + layer("")[1:], "not clear"},
		"both index and manifest":        {ociIndexType, `{"layers":[],` + index(child)[1:], "not clear"},
		"an index with a config":         {dockerListType, `{"config":` + child + `,` + index(child)[1:], "not clear"},
		"no config":                      {dockerManifestType, `{"schemaVersion":2,"layers":[]}`, "not clear"},
		"an index of nothing":            {ociIndexType, index(""), "lists no manifests"},
		"sha512":                         {ociManifestType, layer(`{"mediaType":"x","digest":"sha512:` + hex + hex + `","size":1}`), "want sha256"},
		"no digest":                      {ociManifestType, layer(`{"mediaType":"x","size":1}`), "lacks one of digest"},
		"a digest that is a path":        {ociIndexType, index(`{"mediaType":"x","digest":"sha256:../../../../etc/passwd","size":1}`), "want sha256"},
		"a digest in capitals":           {ociIndexType, index(`{"mediaType":"x","digest":"sha256:` + strings.ToUpper(hex) + `","size":1}`), "want sha256"},
		"a config in sha512":             {ociManifestType, strings.Replace(layer(""), "sha256", "sha512", 1), "want sha256"},
		"a negative size":                {ociManifestType, layer(`{"mediaType":"x","digest":"sha256:` + hex + `","size":-1}`), "size -1"},
		"a size that is no whole number": {ociManifestType, layer(`{"mediaType":"x","digest":"sha256:` + hex + `","size":1.5}`), "plain decimal"},
		"layers twice":                   {ociManifestType, layer("")[:len(layer(""))-1] + `,"layers":[{"mediaType":"x","digest":"sha256:` + hex + `","size":1}]}`, "duplicate"},
		"layers in capitals":             {ociManifestType, layer("")[:len(layer(""))-1] + `,"Layers":[{"mediaType":"x","digest":"sha256:` + hex + `","size":1}]}`, "understood in two ways"},
		"a digest twice":                 {ociIndexType, index(`{"mediaType":"x","digest":"sha256:` + hex + `","size":1,"DIGEST":"sha256:` + hex + `"}`), "understood in two ways"},
		"a layer without a size":         {ociManifestType, layer(`{"mediaType":"x","digest":"sha256:` + hex + `"}`), "lacks one of"},
		"a layer without a type":         {ociManifestType, layer(`{"digest":"sha256:` + hex + `","size":1}`), "lacks one of"},
		"a name twice":                   {ociManifestType, `{"x":{"y":1,"\u0079":2},` + layer("")[1:], "duplicate"},
		"a text that is no UTF-8":        {ociManifestType, "{\"x\":\"\xff\"," + layer("")[1:], "UTF-8"},
		"deep nesting":                   {ociManifestType, `{"x":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `,` + layer("")[1:], "nested"},
		"a mediaType that is null":       {ociManifestType, `{"mediaType":null,` + layer("")[1:], "null"},
		"an empty mediaType":             {ociManifestType, `{"mediaType":"",` + layer("")[1:], "calls itself"},
		"a look-alike of digest":         {ociIndexType, index(strings.Replace(child, "{", `{"\u017fize":2,`, 1)), "understood in two ways"},
		"a config with urls":             {ociManifestType, strings.Replace(layer(""), `"size":2`, `"size":2,"urls":[]`, 1), "has urls"},
		"a layer with no urls":           {ociManifestType, layer(strings.Replace(child, "{", `{"urls":[],`, 1)), "has urls"},
		"a layer with urls of null":      {ociManifestType, layer(strings.Replace(child, "{", `{"urls":null,`, 1)), "has urls"},
		"a manifest with urls":           {ociIndexType, index(strings.Replace(child, "{", `{"urls":[],`, 1)), "has urls"},
		"a subject of a negative size":   {ociManifestType, `{"subject":` + strings.Replace(child, `"size":1`, `"size":-1`, 1) + `,` + layer("")[1:], "has -1 bytes"},
		"a subject with urls":            {ociManifestType, `{"subject":` + strings.Replace(child, "{", `{"urls":[],`, 1) + `,` + layer("")[1:], "has urls"},
		"a layer of the internet":        {ociManifestType, layer(`{"mediaType":"x","digest":"sha256:` + hex + `","size":1,"urls":["https://example.com/x"]}`), "has urls"},
		"a foreign layer":                {dockerManifestType, layer(`{"mediaType":"` + docker + `","digest":"sha256:` + hex + `","size":1}`), "internet"},
		"a layer not to be distributed":  {ociManifestType, layer(`{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"sha256:` + hex + `","size":1}`), "internet"},
	}
}

func TestParseImageManifest(t *testing.T) {
	t.Parallel()
	odd := `{"annotations":{"Size":"1","size":"2"},"subject":null,"manifests":null,"urls":[],"platform":1,"x":{"Tags":[{"a":1},{"a":2}]},"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:` + strings.Repeat("a", 64) + `","size":2,"platform":[]},"layers":null}`
	if _, err := bundle.ParseImageManifest(ociManifestType, []byte(odd)); err != nil {
		t.Errorf("%s: %v", odd, err)
	}
	for name, test := range hostileImages() {
		if _, err := bundle.ParseImageManifest(test.mediaType, []byte(test.raw)); !errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	for _, m := range charmSample(t).images {
		got, err := bundle.ParseImageManifest(m.MediaType, m.Raw)
		if err != nil {
			t.Errorf("%s: %v", m.Digest, err)
		} else if got.Digest != m.Digest || !bytes.Equal(got.Raw, m.Raw) || len(got.Blobs)+len(got.Listed) < 3 {
			t.Errorf("%s: got %+v", m.Digest, got)
		}
	}
}

// TestHostileImages puts the hostile images into a bundle.
func TestHostileImages(t *testing.T) {
	t.Parallel()
	var tests []hostile
	for name, image := range hostileImages() {
		if !strings.HasPrefix(image.mediaType, "application/vnd.oci.") && image.mediaType != dockerManifestType && image.mediaType != dockerListType {
			image.want = "not described as an item"
		}
		tests = append(tests, hostile{name: name, want: image.want, edit: func(f *forge) {
			f.items = append(f.items, &forgeItem{name: "image-" + sha([]byte(image.raw)), image: []byte(image.raw), imageType: image.mediaType})
			slices.SortFunc(f.items, compareForged)
		}})
	}
	c := charmSample(t)
	name := func(i int) string { return "image-" + c.images[i].Digest.Encoded() }
	index, docker := name(2), name(3)
	tests = append(tests,
		hostile{name: "an image under another name", edit: func(f *forge) { f.find(docker).name = "image-1"; slices.SortFunc(f.items, compareForged) }, want: "it is " + docker},
		hostile{name: "an image under the name of a snap", edit: func(f *forge) { f.find(docker).name = "jq"; slices.SortFunc(f.items, compareForged) }, want: "it is " + docker},
		hostile{name: "an image of another type", edit: func(f *forge) { f.find(docker).imageType = ociManifestType }, want: "calls itself"},
		hostile{name: "an image that is an artifact", edit: func(f *forge) {
			f.find(docker).artifactType = "x"
			slices.SortFunc(f.items, compareForged)
		}, want: "not described as an item"},
		hostile{name: "an image with a platform", edit: func(f *forge) {
			f.find(docker).editDesc = func(d *ociDescriptor) { d.Platform = map[string]string{"os": "linux", "architecture": "amd64"} }
		}, want: "a platform"},
		hostile{name: "an image of no resource", edit: func(f *forge) {
			f.remove("charm.pg.docker.image_1")
			change("charm.pg", func(l *charm.Listing) { l.ChannelMap[1].Resources = nil })(f)
		}, want: "no resource has this image"},
		hostile{name: "a platform of no index", edit: func(f *forge) { f.remove(index) }, want: "no resource has this image"},
		hostile{name: "an index without its manifests", edit: func(f *forge) { f.remove(name(0), name(1)) }, want: "none of the manifests that it lists"},
		hostile{name: "a manifest in another size", edit: func(f *forge) {
			f.sparse(t, c, func(d *ociDescriptor) { d.Size++ })
		}, want: "described in two ways"},
		hostile{name: "a manifest of another type", edit: func(f *forge) {
			f.sparse(t, c, func(d *ociDescriptor) { d.MediaType = dockerManifestType })
		}, want: "described in two ways"},
		hostile{name: "a layer that is a charm, in another size", edit: func(f *forge) {
			f.image(`{"mediaType":"x","digest":"sha256:` + sha(f.find("charm.kit_2").layers[0].data) + `","size":1}`)
		}, want: "described in two ways"},
		hostile{name: "a layer that is a manifest, in another size", edit: func(f *forge) {
			f.image(`{"mediaType":"x","digest":"sha256:` + sha(f.find(index).image) + `","size":1}`)
		}, want: "described in two ways"},
		hostile{name: "a layer that is {}, in another size", edit: func(f *forge) {
			f.image(`{"mediaType":"x","digest":"sha256:` + sha([]byte("{}")) + `","size":3}`)
		}, want: "described in two ways"},
	)
	runHostileOn(t, charmSample, tests)
}

// sparse replaces the index of the sample by one with a single manifest, whose descriptor is edited.
func (f *forge) sparse(t *testing.T, c *content, edit func(*ociDescriptor)) {
	t.Helper()
	desc := descriptorOf(c.images[0].MediaType, c.images[0].Raw)
	edit(&desc)
	raw := toJSON(ociIndex{SchemaVersion: 2, MediaType: ociIndexType, Manifests: []ociDescriptor{desc}})
	f.replaceImage(f.find("image-"+c.images[2].Digest.Encoded()), raw)
}

// image replaces the image in Docker's format by one with these layers.
func (f *forge) image(layers string) {
	i := slices.IndexFunc(f.items, func(it *forgeItem) bool { return it.imageType == dockerManifestType })
	raw := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:%s","size":2},"layers":[%s]}`, sha([]byte("{}")), layers)
	f.replaceImage(f.items[i], []byte(raw))
}

func (f *forge) replaceImage(it *forgeItem, raw []byte) {
	old := sha(it.image)
	it.name, it.image, it.blobs = "image-"+sha(raw), raw, nil
	for _, r := range f.items {
		if r.config != nil {
			r.config.data = bytes.ReplaceAll(r.config.data, []byte(old), []byte(sha(raw)))
		}
	}
	slices.SortFunc(f.items, compareForged)
}
