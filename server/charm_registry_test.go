package server_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/server"
)

// TestImagesOfOneTag checks that a charm gets its own image, even if the operator gave the same name to images of several resources. The
// charm old has another one released than its oldest.
func TestImagesOfOneTag(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	sum := func(name string) string { return string(digest.FromString(name)) }
	c := &catalog.Snapshot{Generation: 1}
	add := func(name string, tag string, images ...string) {
		ch := catalog.Charm{Name: name, ID: strings.Repeat("x", 31) + name[:1], Type: charm.TypeCharm,
			Revisions: []catalog.CharmRevision{charmRevision(b, 1, name, "name: "+name+"\n", ubuntu("22.04", "amd64"))}}
		for i, image := range images {
			r := imageResource("image", i+1, tag)
			if image != "" {
				r.Image.Digest = sum(image)
			}
			ch.Resources = append(ch.Resources, r)
		}
		ch.ChannelMap = []charm.Release{charmRelease(ubuntu("22.04", "amd64"), "latest/stable", 1, "", charm.ResourceRef{Name: "image", Revision: len(images)})}
		c.Charms = append(c.Charms, ch)
	}
	add("amd", "mp/i:v", "amd")
	add("bmd", "mp/i:v", "arm")
	add("old", "old:1", "first", "second")
	add("unknown", "unknown:1", "")
	add("elsewhere", "elsewhere:1", "absent")
	for _, name := range []string{"amd", "arm", "first", "second"} {
		c.Images = append(c.Images, catalog.Image{Digest: digest.FromString(name)})
	}
	s := serve(t, b, c, server.Config{})
	for _, tt := range []struct {
		registry string // of the settings, or empty for our own
		want     map[string]string
	}{
		{"", map[string]string{
			"a.image_1": "mp/i@" + sum("amd"), "b.image_1": "mp/i@" + sum("arm"), "o.image_1": "old@" + sum("first"), "o.image_2": "old@" + sum("second"),
			"u.image_1": "unknown:1", "e.image_1": "elsewhere:1"}},
		{"registry.example", map[string]string{
			"a.image_1": "mp/i@" + sum("amd"), "b.image_1": "mp/i@" + sum("arm"), "o.image_1": "old@" + sum("first"), "o.image_2": "old:1",
			"u.image_1": "unknown:1", "e.image_1": "elsewhere:1"}},
	} {
		s.SetSettings(server.Settings{Domain: "registry.example", Registry: server.Registry{Domain: tt.registry}})
		for file, want := range tt.want {
			got := bodyOf(t, call(t, s.Handler(), "GET", "/api/v1/resources/download/charm_"+strings.Repeat("x", 31)+file, ""))
			if want = `{"ImageName":"registry.example/` + want + `"}`; got != want {
				t.Errorf("registry %q: %s = %s, want %s", tt.registry, file, got, want)
			}
		}
	}
}
