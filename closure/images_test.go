package closure_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/closure"
)

// imageCharm returns a charm that releases a revision of its resource image, with an image for each of digits under one name.
func imageCharm(name, tag string, released int, digits ...string) closure.Charm {
	base := charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}
	c := closure.Charm{Name: name, Type: charm.TypeCharm, Revisions: []closure.CharmRevision{{Revision: &charm.Revision{Number: 1}}},
		ChannelMap: []charm.Release{{Base: &base, Channel: "latest/stable", Revision: 1, Resources: []charm.ResourceRef{{Name: "image", Revision: released}}}}}
	for i, d := range digits {
		c.Resources = append(c.Resources, closure.CharmResource{Name: "image", Revision: i + 1, Image: &charm.Image{Name: tag, Digest: "sha256:" + strings.Repeat(d, 64)}})
	}
	return c
}

// TestImageNames checks that a name for two images is reported, whichever of the two charms is looked at.
func TestImageNames(t *testing.T) {
	t.Parallel()
	a, b, c := imageCharm("a", "mp/i:v", 1, "1"), imageCharm("b", "mp/i:v", 1, "2"), imageCharm("c", "c:1", 2, "3", "4")
	all := &closure.Set{Charms: []closure.Charm{a, b, c}, ImagesElsewhere: true}
	want := []string{"mp/i:v is the name of two images: that of resource image revision 1 of charm a and that of resource image revision 1 of charm b"}
	for _, part := range []*closure.Set{all, {Charms: []closure.Charm{a}}, {Charms: []closure.Charm{b}}} {
		if diff := cmp.Diff(want, sentences(all.GapsOf(part))); diff != "" {
			t.Errorf("gaps of %d charms (-want +got):\n%s", len(part.Charms), diff)
		}
	}
	if got := sentences(all.GapsOf(&closure.Set{Charms: []closure.Charm{c}})); len(got) != 0 {
		t.Errorf("gaps of c: %v", got)
	}
	// An export plan holds no older revisions: all of them were asked for.
	plan := &closure.Set{Charms: []closure.Charm{c}, ImagesElsewhere: true, EachArchitecture: true}
	want = []string{"c:1 is the name of two images: that of resource image revision 1 of charm c and that of resource image revision 2 of charm c"}
	if diff := cmp.Diff(want, sentences(plan.Gaps())); diff != "" {
		t.Errorf("gaps of a plan (-want +got):\n%s", diff)
	}
}
