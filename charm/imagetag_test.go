package charm_test

import (
	"strings"
	"testing"

	"offlinestore/charm"
)

func TestImageTagAndPin(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"a/b":               {"a/b:latest", "a/b@" + digestOf},
		"a/b:1":             {"a/b:1", "a/b@" + digestOf},
		"a/b@" + digestOf:   {"", "a/b@" + digestOf},
		"a/b:1@" + digestOf: {"a/b:1", "a/b@" + digestOf},
	} {
		i := charm.Image{Name: name, Digest: digestOf}
		if i.Tag() != want[0] || i.Pinned() != want[1] {
			t.Errorf("%s: tag %q, pinned %q, want %q", name, i.Tag(), i.Pinned(), want)
		}
	}
	if i := (charm.Image{Name: "a:1"}); i.Pinned() != "a:1" {
		t.Errorf("an image without a known digest is pinned to %q", i.Pinned())
	}
}

// TestImageTags checks which images share a tag: the images of released revisions, and of resources that no channel holds.
func TestImageTags(t *testing.T) {
	t.Parallel()
	image := func(name, digit string) *charm.Image {
		return &charm.Image{Name: name, Digest: "sha256:" + strings.Repeat(digit, 64)}
	}
	use := func(charmName string, n int, released bool, i *charm.Image) charm.ImageUse {
		return charm.ImageUse{Charm: charmName, Resource: "image", Revision: n, Image: i, Released: released}
	}
	one, two := image("a:1", "1"), image("a:1", "2")
	for _, c := range []struct {
		name     string
		uses     []charm.ImageUse
		one, two bool // whether the tag names it alone
		clash    bool
	}{
		{"one image of two charms", []charm.ImageUse{use("x", 1, true, one), use("y", 1, true, one)}, true, false, false},
		{"two images", []charm.ImageUse{use("x", 1, true, one), use("y", 1, true, two)}, false, false, true},
		{"two images, one by latest", []charm.ImageUse{use("x", 1, true, image("a", "1")), use("y", 1, true, image("a:latest", "2"))}, true, true, false},
		{"an older revision", []charm.ImageUse{use("x", 1, false, one), use("x", 2, true, two)}, false, true, false},
		{"two released revisions", []charm.ImageUse{use("x", 1, true, one), use("x", 2, true, two)}, false, false, true},
		{"two revisions by number", []charm.ImageUse{use("x", 1, false, one), use("x", 2, false, two)}, false, false, true},
		{"an unknown image", []charm.ImageUse{use("x", 1, true, one), use("y", 1, true, &charm.Image{Name: "a:1"})}, true, false, false},
	} {
		tags := charm.NewImageTags(c.uses)
		if tags.Names(one) != c.one || tags.Names(two) != c.two {
			t.Errorf("%s: a:1 names one: %v, two: %v", c.name, tags.Names(one), tags.Names(two))
		}
		if _, _, ok := tags.Clash("a:1"); ok != c.clash {
			t.Errorf("%s: clash of a:1: %v", c.name, ok)
		}
	}
	if a, b, ok := charm.NewImageTags([]charm.ImageUse{use("x", 1, true, image("a", "1")), use("y", 3, true, image("a:latest", "2"))}).Clash("a:latest"); !ok || a.Charm != "x" || b.Revision != 3 {
		t.Errorf("a and a:latest: %v and %v", a, b)
	}
}
