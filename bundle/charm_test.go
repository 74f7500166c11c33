package bundle_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// checkCharms compares the charms of the bundle that was read with c.
func checkCharms(t *testing.T, got *receivedBundle, c *content, s *bundle.SignedBundle) {
	t.Helper()
	if got.digest != s.Digest() {
		t.Errorf("digest %s, want %s", got.digest, s.Digest())
	}
	h := got.head
	if diff := cmp.Diff(h.Charms, []*bundle.Charm{c.charms[1], c.charms[0]}, cmpopts.EquateEmpty(), equateBytes()); diff != "" {
		t.Errorf("charms (-got +want):\n%s", diff)
	}
	r := c.charmRevisions
	if diff := cmp.Diff(h.CharmRevisions, []*bundle.CharmRevision{r[2], r[0], r[1]}, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("revisions (-got +want):\n%s", diff)
	}
	sorted := func(rs []*bundle.CharmResource) []*bundle.CharmResource {
		return slices.SortedFunc(slices.Values(rs), func(a, b *bundle.CharmResource) int {
			return strings.Compare(fmt.Sprint(a.Resource.Name, a.Resource.Revision), fmt.Sprint(b.Resource.Name, b.Resource.Revision))
		})
	}
	if diff := cmp.Diff(sorted(h.CharmResources), sorted(c.charmResources), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("resources (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(got.blobs, c.blobs, equateBytes()); diff != "" {
		t.Errorf("payload (-got +want):\n%s", diff)
	}
	if len(h.Images) != len(c.images) {
		t.Fatalf("%d images, want %d", len(h.Images), len(c.images))
	}
	for _, m := range h.Images {
		i := slices.IndexFunc(c.images, func(want *bundle.ImageManifest) bool { return want.Digest == m.Digest })
		if i < 0 || !bytes.Equal(m.Raw, c.images[i].Raw) || m.MediaType != c.images[i].MediaType {
			t.Errorf("image %s of type %s is none that was written", m.Digest, m.MediaType)
		}
		if small, ok := h.Small(m.Digest); !ok || !bytes.Equal(small, m.Raw) {
			t.Errorf("Small(%s) is not the manifest", m.Digest)
		}
		for i, b := range m.Blobs {
			small, ok := h.Small(b.Digest)
			if !ok {
				small = got.blobs[b.Digest]
			}
			if !bytes.Equal(small, c.imageBlobs[m.Digest][i]) {
				t.Errorf("blob %d of %s: %d bytes, want %d", i, m.Digest, len(small), len(c.imageBlobs[m.Digest][i]))
			}
		}
	}
}

func TestRoundTripOfCharms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*content{"charms": charmSample(t), "charms and snaps": fullSample(t),
		"images of a charm bundle": bundleImageSample(t), "long config.yaml": longSample(t), "large manifest": largeImageSample(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.seal(t)
			for _, f := range framings {
				packed := c.pack(t, s, f)
				if n := s.Size(f); int64(len(packed)) != n && f != bundle.Zstd {
					t.Errorf("%s: %d bytes, and Size is %d", f, len(packed), n)
				}
				got, err := receiveBytes(t, packed)
				if err != nil {
					t.Fatal(err)
				}
				checkCharms(t, got, c, s)
			}
			got, err := receivePath(t, unpack(t, c.pack(t, s, bundle.None)))
			if err != nil {
				t.Fatal(err)
			}
			checkCharms(t, got, c, s)
			dir := t.TempDir()
			c.writeLayout(t, dir, s)
			if got, err = receivePath(t, dir); err != nil {
				t.Fatal(err)
			}
			checkCharms(t, got, c, s)
		})
	}
}

// TestChildren shows that an index may be sparse, and that the reader lists the manifests that are there.
func TestChildren(t *testing.T) {
	t.Parallel()
	c := charmSample(t)
	got, err := receiveBytes(t, c.pack(t, c.seal(t), bundle.None))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got.head.Images {
		var want []digest.Digest
		if m.Digest == c.images[2].Digest {
			want = []digest.Digest{c.images[0].Digest, c.images[1].Digest}
			if len(m.Listed) != 3 {
				t.Errorf("the index lists %d manifests, want 3", len(m.Listed))
			}
		}
		if diff := cmp.Diff(m.Children, want); diff != "" {
			t.Errorf("%s: children (-got +want):\n%s", m.Digest, diff)
		}
	}
}

// TestTitles checks the titles in the payload, which name a damaged blob to the operator, and the SHA3-384 for the comparison
// with an assertion. A file that is also a snap must not lose its SHA3-384.
func TestTitles(t *testing.T) {
	t.Parallel()
	c := fullSample(t)
	got := make(map[string]bool)
	for _, d := range c.seal(t).Payload() {
		title := d.Annotations["org.opencontainers.image.title"]
		got[title] = d.Annotations["vnd.offlinestore.sha3-384"] != ""
		if len(d.URLs) > 0 || d.Platform != nil {
			t.Errorf("%s: the descriptor has more than it should: %v", title, d)
		}
	}
	image := func(i int) string { return "image-" + c.images[i].Digest.Encoded() }
	want := map[string]bool{
		"config of " + image(0): false, "layer of " + image(0): false, "layer of " + image(1): false,
		"config of " + image(3): false, "layer of " + image(3): false,
		"pg.data_3": false, "pg_9.charm": false, "pg_10.charm": false, "kit_2.zip": false,
		"jq_6.snap": true, "jq_10.snap": true, "jq+compa_1.comp": true, "jq+compb_2.comp": true, "core24_1196.snap": true,
	}
	delete(want, "pg.data_3") // an image has the file, too, and comes before it
	if diff := cmp.Diff(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))); diff != "" {
		t.Errorf("titles (-got +want):\n%s", diff)
	}
	for title, sha3 := range want {
		if got[title] != sha3 {
			t.Errorf("%s: with a SHA3-384: %v, want %v", title, got[title], sha3)
		}
	}
}

// epochSample returns a sample in which a channel of jq has releases of two epochs.
func epochSample(tb testing.TB) *content {
	c := sample(tb)
	c.revisions[1].Revision.Epoch = snap.Epoch{Read: []uint32{1}, Write: []uint32{1}}
	c.snaps[0].ChannelMap = append(c.snaps[0].ChannelMap, snap.Release{Architecture: "arm64", Channel: "latest/stable", Revision: 6})
	return c
}

// bundleImageSample returns a sample whose charm bundle names an image that no resource has.
func bundleImageSample(tb testing.TB) *content {
	c := charmSample(tb)
	m := c.addImage(ociManifestType, []byte("{}"), c.random(90, "of the bundle"))
	kit := c.charmRevisions[2]
	kit.Images = []charm.Image{{Name: "osm/pla:daily", Digest: m.Digest, Source: "docker.io/osm/pla:daily"}}
	return c
}

// longSample returns a sample with a config.yaml, and a config, over the limits of older formats.
func longSample(tb testing.TB) *content {
	c := charmSample(tb)
	c.charmRevisions[0].Revision.ConfigYAML = strings.Repeat("#", charm.MaxYAMLSize)
	return c
}

// largeImageSample returns a sample with the largest manifest of an image that registries accept.
func largeImageSample(tb testing.TB) *content {
	c := charmSample(tb)
	raw := []byte(`{"schemaVersion":2,"mediaType":"` + ociManifestType + `","config":` + string(toJSON(descriptorOf("application/vnd.oci.image.config.v1+json", []byte("{}")))) + `,"layers":[],"annotations":{"x":"`)
	raw = append(raw, bytes.Repeat([]byte("x"), bundle.MaxImageSize-len(raw)-3)...)
	m := c.addManifest(ociManifestType, append(raw, `"}}`...))
	c.imageBlobs[digest.Digest(m.Digest)] = [][]byte{[]byte("{}")}
	c.addImageResource("pg", "large", 1, m)
	return c
}

// TestFormatOfKinds shows that a bundle is written in the oldest version that has everything in it.
func TestFormatOfKinds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		c    *content
		want string
	}{"snaps": {sample(t), "1.0"}, "charms": {charmSample(t), "1.1"}, "both": {fullSample(t), "1.1"}, "epochs": {epochSample(t), "1.2"}, "images of a charm bundle": {bundleImageSample(t), "1.2"},
		"long config.yaml": {longSample(t), "1.2"}, "large manifest": {largeImageSample(t), "1.2"}, "icons": {unknownIcons(t), "1.2"}} {
		dir := unpack(t, test.c.pack(t, test.c.seal(t), bundle.None))
		index, err := os.ReadFile(filepath.Join(dir, "index.json"))
		if err != nil {
			t.Fatal(err)
		}
		if want := `"vnd.offlinestore.bundle.format":"` + test.want + `"`; !bytes.Contains(index, []byte(want)) {
			t.Errorf("%s: index.json doesn't have %s", name, want)
		}
	}
	for name, test := range map[string]struct {
		c      *content
		format string
	}{"snaps in 1.1": {sample(t), "1.1"}, "charms in 1.0": {charmSample(t), "1.0"}, "charms in 1.2": {charmSample(t), "1.2"},
		"epochs in 1.0": {epochSample(t), "1.0"}, "images of a charm bundle in 1.1": {bundleImageSample(t), "1.1"}, "long config.yaml in 1.1": {longSample(t), "1.1"},
		"large manifest in 1.1": {largeImageSample(t), "1.1"}, "unknown icons in 1.0": {unknownIcons(t), "1.0"}} {
		f := test.c.forge()
		f.format = test.format
		if _, err := receiveBytes(t, tarOf(f.seal(testKey()))); !refused(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// unknownIcons returns a sample of a snap whose icon is not known.
func unknownIcons(tb testing.TB) *content {
	tb.Helper()
	c := sample(tb)
	for _, s := range c.snaps {
		s.Icon, s.Unknown = nil, []string{snap.UnknownIcon}
	}
	return c
}

// TestUnknownIcon shows that an icon can't be unknown and there, and that nothing else can be unknown.
func TestUnknownIcon(t *testing.T) {
	t.Parallel()
	icon := &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG")}
	for name, edit := range map[string]func(*content){
		"snap with its icon":  func(c *content) { c.snaps[0].Icon = icon },
		"another part":        func(c *content) { c.snaps[0].Unknown = []string{"title"} },
		"twice":               func(c *content) { c.snaps[0].Unknown = []string{"icon", "icon"} },
		"charm with its icon": func(c *content) { c.charms[0].Icon, c.charms[0].Unknown = icon, []string{charm.UnknownIcon} },
		"another of a charm":  func(c *content) { c.charms[0].Unknown = []string{"title"} },
	} {
		c := fullSample(t)
		for _, s := range c.snaps {
			s.Icon, s.Unknown = nil, []string{snap.UnknownIcon}
		}
		edit(c)
		f := c.forge()
		f.format = "1.2"
		if _, err := receiveBytes(t, tarOf(f.seal(testKey()))); !refused(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestImageTwice adds an image twice, like the exporter when several charms have it as a resource.
func TestImageTwice(t *testing.T) {
	t.Parallel()
	c := charmSample(t)
	want := c.seal(t).Digest()
	c.images = append(c.images, c.images...)
	if got := c.seal(t).Digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// TestSmallIcons shows that Small returns icons, which are not in the payload.
func TestSmallIcons(t *testing.T) {
	t.Parallel()
	b := bundletest.New(t, 0).Add("jq", 6, 100)
	b.Snaps[0].Icon = &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG snap")}
	b.AddCharm("pg").Icon = &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG charm")}
	r, err := bundle.NewReader("test", bytes.NewReader(b.Tar(bundle.None)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x89PNG snap", "\x89PNG charm"} {
		if got, ok := h.Small(digest.FromString(want)); !ok || string(got) != want {
			t.Errorf("Small of %q = %q, %v", want, got, ok)
		}
	}
	if _, ok := h.Small(b.Revisions[0].Blob.Digest); ok {
		t.Error("Small has a blob of the payload")
	}
}
