package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

// signed returns an import of a charm with an image, a signature that refers to it, and a signature by a tag.
func signed(name string, day int, byTag string) *catalog.Import {
	in := withImage(withCharm(imp(name, day), "pg", nil), "pg", "image", 1, "charm/pg")
	withManifest(withManifest(withManifest(in, "image", "layer"), "signature", "a signature"), byTag, "a signature by a tag")
	in.Images[1].Subject = digest.FromString("image")
	in.ImageTags = []catalog.ImageTag{{Repository: "charm/pg", Tag: strings.Replace(digest.FromString("image").String(), ":", "-", 1) + ".sig", Digest: digest.FromString(byTag)}}
	return in
}

// TestReferrers keeps the signatures of an image as long as the image, and the newest one by a tag.
func TestReferrers(t *testing.T) {
	t.Parallel()
	old, newest := signed("old", 0, "old tag"), signed("newest", 1, "new tag")
	without := withManifest(withImage(withCharm(imp("without", 2), "pg", nil), "pg", "image", 1, "charm/pg"), "image", "layer")
	for name, order := range map[string][]*catalog.Import{"oldest first": {old, newest, without}, "newest first": {without, newest, old}} {
		s, _ := open(t)
		for _, in := range order {
			apply(t, s, in)
		}
		c := load(t, s)
		diff(t, name+": tags", c.ImageTags, newest.ImageTags)
		i := slices.IndexFunc(c.Images, func(m catalog.Image) bool { return m.Digest == digest.FromString("signature") })
		if i < 0 || c.Images[i].Subject != digest.FromString("image") || c.ImageTags[0].Subject() != digest.FromString("image") {
			t.Errorf("%s: images %v", name, c.Images)
		}
		// Another removal leaves the signatures, except for one by a tag that another one has now.
		apply(t, s, with(imp("snap", 3), "jq", []int{1}))
		remove(t, s, catalog.Item{Kind: catalog.ItemSnap, Name: "jq", Whole: true})
		if c := load(t, s); len(c.Images) != 3 || len(c.ImageTags) != 1 {
			t.Errorf("%s: after another removal %d images and %d tags, want 3 and 1", name, len(c.Images), len(c.ImageTags))
		}
		remove(t, s, catalog.Item{Kind: catalog.ItemCharm, Name: "pg", Whole: true})
		if c := load(t, s); len(c.Images)+len(c.ImageTags) > 0 {
			t.Errorf("%s: after the removal of the charm %d images and %d tags", name, len(c.Images), len(c.ImageTags))
		}
	}
}
