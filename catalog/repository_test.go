package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/image"
)

// withNamed adds images that belong to no charm to an import, each as "repository:tag=image", or "repository=image" without a tag.
func withNamed(in *catalog.Import, names ...string) *catalog.Import {
	for _, text := range names {
		name, seed, _ := strings.Cut(text, "=")
		path, tag, tagged := strings.Cut(name, ":")
		if !slices.ContainsFunc(in.Images, func(i catalog.Image) bool { return i.Digest == digest.FromString(seed) }) {
			withManifest(in, seed, seed+" layer")
		}
		i := image.Image{Digest: digest.FromString(seed).String(), Source: "host/" + name + "@" + digest.FromString(seed).String(), Platforms: []string{"linux/amd64"}}
		if tagged {
			i.Tags = map[string]string{tag: "host/" + name}
		}
		at := slices.IndexFunc(in.Repositories, func(r image.Repository) bool { return r.Name == path })
		if at < 0 {
			at, in.Repositories = len(in.Repositories), append(in.Repositories, image.Repository{Name: path})
		}
		if err := in.Repositories[at].Add(i); err != nil {
			panic(err) // the test is wrong
		}
	}
	return in
}

// named returns the images of a catalogue that belong to no charm, in the form of withNamed. seeds are the possible images.
func named(c *catalog.Snapshot, seeds ...string) (out []string) {
	by := make(map[digest.Digest]string)
	for _, s := range seeds {
		by[digest.FromString(s)] = s
	}
	for i := range c.Repositories {
		r := &c.Repositories[i]
		for _, t := range r.Tags {
			out = append(out, r.Name+":"+t.Tag+"="+by[t.Digest])
		}
		for _, image := range r.Images {
			if len(r.TagsOf(image.Digest)) == 0 {
				out = append(out, r.Name+"="+by[image.Digest])
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestTagsOfTheNewestBundle imports two bundles in both orders. The newer one decides about the tags that both name. The images stay.
func TestTagsOfTheNewestBundle(t *testing.T) {
	t.Parallel()
	old := withNamed(imp("old", 0), "a/b:1=x", "a/b:old=x", "a/pin=p")
	newer := withNamed(imp("newer", 1), "a/b:1=y", "a/b:2=z")
	want := []string{"a/b:1=y", "a/b:2=z", "a/b:old=x", "a/pin=p"}
	for name, order := range map[string][]*catalog.Import{"oldest first": {old, newer}, "newest first": {newer, old}, "again": {old, newer, old, newer}} {
		s, _ := open(t)
		for _, in := range order {
			r := apply(t, s, in)
			if in == old && name == "newest first" {
				x, y := digest.FromString("x"), digest.FromString("y")
				diff(t, name+": kept", r.KeptTags, []catalog.TagMove{{Repository: "a/b", Tag: "1", From: y, To: x}})
			}
		}
		diff(t, name, named(load(t, s), "x", "y", "z", "p"), want)
	}
	s, _ := open(t)
	apply(t, s, newer)
	forced := *old
	forced.PushChannelMap = true
	if r := apply(t, s, &forced); len(r.TagMoves) != 2 || len(r.KeptTags) != 0 {
		t.Errorf("a forced push moves %v and keeps %v", r.TagMoves, r.KeptTags)
	}
	diff(t, "forced", named(load(t, s), "x", "y", "z", "p"), []string{"a/b:1=x", "a/b:2=z", "a/b:old=x", "a/b=y", "a/pin=p"})
	if r := apply(t, s, &forced); !r.UpToDate {
		t.Errorf("the same forced push again: %+v", r)
	}
}

// TestTagsTakenBack takes imports back one by one. Tags return to the images before, and images stay.
func TestTagsTakenBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withNamed(imp("first", 0), "a/b:1=x"))
	apply(t, s, withNamed(imp("second", 1), "a/b:1=y", "a/b:2=y"))
	apply(t, s, withNamed(imp("third", 2), "a/b:1=y", "c:1=x"))
	r := rollback(t, s, catalog.Rollback{})
	diff(t, "third", r.TagMoves, []catalog.TagMove{{Repository: "c", Tag: "1", From: digest.FromString("x")}})
	r = rollback(t, s, catalog.Rollback{})
	x, y := digest.FromString("x"), digest.FromString("y")
	diff(t, "second", r.TagMoves, []catalog.TagMove{{Repository: "a/b", Tag: "1", From: y, To: x}, {Repository: "a/b", Tag: "2", From: y}})
	diff(t, "now", named(load(t, s), "x", "y"), []string{"a/b:1=x", "a/b=y", "c=x"})
	// Images that were taken back count only by force. A bundle between the two counts as if the second had never come.
	if r := apply(t, s, withNamed(imp("second", 1), "a/b:1=y", "a/b:2=y")); r.TakenBack == 0 || len(r.TagMoves) > 0 {
		t.Errorf("the second import again: %+v", r)
	}
	between := withNamed(imp("between", 0), "a/b:1=z")
	between.SignedAt = between.SignedAt.Add(time.Hour)
	apply(t, s, between)
	diff(t, "between", named(load(t, s), "x", "y", "z"), []string{"a/b:1=z", "a/b=x", "a/b=y", "c=x"})
	// An image that was removed since can't be returned to.
	remove(t, s, catalog.Item{Kind: catalog.ItemImage, Name: "a/b", Digests: []digest.Digest{x}})
	if _, err := s.Rollback(t.Context(), catalog.Rollback{}); !isLost(err) {
		t.Errorf("a rollback to a removed image: %v", err)
	}
	remove(t, s, catalog.Item{Kind: catalog.ItemImage, Name: "a/b", Whole: true})
	if r := rollback(t, s, catalog.Rollback{}); len(r.Stay) != 1 || len(r.TagMoves) > 0 {
		t.Errorf("a rollback of a removed repository: %+v", r)
	}
}

func isLost(err error) bool {
	_, lost := errors.AsType[*catalog.LostError](err)
	return lost
}

// TestPartsOfNamedImages imports an index with one platform, then with another one. The image has both, whichever bundle is newer.
func TestPartsOfNamedImages(t *testing.T) {
	t.Parallel()
	part := func(name string, day int, arch string) *catalog.Import {
		in := withIndex(withManifest(imp(name, day), arch, arch+" layer"), "index", arch)
		in.Repositories = []image.Repository{{Name: "a/b", Images: []image.Image{{Digest: digest.FromString("index").String(), Source: "host/a/b:" + name,
			Platforms: []string{"linux/" + arch}, Tags: map[string]string{"1": "host/a/b:1"}}}}}
		return in
	}
	for name, order := range map[string][2]*catalog.Import{"in order": {part("first", 0, "amd64"), part("second", 1, "arm64")}, "reversed": {part("second", 1, "arm64"), part("first", 0, "amd64")}} {
		s, _ := open(t)
		apply(t, s, order[0])
		if r := apply(t, s, order[1]); len(r.Updates) == 0 || r.Images != 1 {
			t.Errorf("%s: the second import tells of %+v and %d manifests", name, r.Updates, r.Images)
		}
		c := load(t, s)
		diff(t, name+": platforms", c.Repositories[0].Images[0].Platforms, []string{"linux/amd64", "linux/arm64"})
		if got, want := c.Repositories[0].Images[0].Source, "host/a/b:second"; got != want {
			t.Errorf("%s: source %s, want the one of the newer bundle, %s", name, got, want)
		}
		i := slices.IndexFunc(c.Images, func(i catalog.Image) bool { return i.Digest == digest.FromString("index") })
		if len(c.Images[i].Children) != 2 {
			t.Errorf("%s: the index has the parts %v, want two", name, c.Images[i].Children)
		}
	}
}

// TestRepositoriesOfCharms imports images into repositories of charms' images, and the reverse. Both are refused, and change nothing.
func TestRepositoriesOfCharms(t *testing.T) {
	t.Parallel()
	charmed := withImage(withCharm(imp("charm", 0), "pg", []int{1}), "pg", "image", 1, "apps/pg:14@"+digest.FromString("image").String())
	kit := withCharm(imp("kit", 0), "kit", []int{1}, "latest/stable=1")
	kit.CharmRevisions[0].Images = []charm.Image{{Name: "apps/pg", Digest: digest.FromString("other").String()}}
	own := withNamed(imp("own", 1), "apps/pg:15=x", "apps/other:1=y")
	for name, order := range map[string][2]*catalog.Import{"a resource first": {charmed, own}, "a bundle first": {kit, own}, "a resource later": {own, charmed}, "a bundle later": {own, kit}} {
		s, _ := open(t)
		apply(t, s, order[0])
		before := load(t, s)
		_, err := s.Apply(t.Context(), order[1])
		e, refused := errors.AsType[*catalog.RepositoryError](err)
		if !refused || e.Repository != "apps/pg" || (e.Charm == "") != (order[0] == own) {
			t.Errorf("%s: %v, want a RepositoryError", name, err)
		}
		diff(t, name, load(t, s), before)
		// Once the first is gone, the name is free.
		it := catalog.Item{Kind: catalog.ItemImage, Name: "apps/pg", Whole: true}
		if order[0] != own {
			it = catalog.Item{Kind: catalog.ItemCharm, Name: order[0].Charms[0].Name, Whole: true}
		}
		remove(t, s, it)
		apply(t, s, order[1])
	}
}

// TestNamedImagesKeepTheirParts removes a charm and an image that share a manifest. The manifest goes with the second.
func TestNamedImagesKeepTheirParts(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := withManifest(withImage(withCharm(imp("charm", 0), "pg", []int{1}), "pg", "image", 1, "charm/pg"), "image", "layer")
	apply(t, s, in)
	apply(t, s, withNamed(imp("own", 1), "apps/pg:1=image", "apps/pg:2=image"))
	remove(t, s, catalog.Item{Kind: catalog.ItemCharm, Name: "pg", Whole: true})
	if c := load(t, s); len(c.Images) != 1 {
		t.Errorf("%d manifests after the removal of the charm, want one", len(c.Images))
	}
	if got := remove(t, s, catalog.Item{Kind: catalog.ItemImage, Name: "apps/pg", Tags: []string{"1"}}); fmt.Sprint(got.Names()) != "[apps/pg]" {
		t.Errorf("the removal of a tag names %v", got.Names())
	}
	if c := load(t, s); len(c.Images) != 1 || len(c.Repositories[0].Tags) != 1 {
		t.Errorf("%d manifests after the removal of a tag, want one", len(c.Images))
	}
	remove(t, s, catalog.Item{Kind: catalog.ItemImage, Name: "apps/pg", Whole: true})
	if c := load(t, s); len(c.Images)+len(c.Repositories) > 0 {
		t.Errorf("after the removal of all, %d manifests and %d repositories", len(c.Images), len(c.Repositories))
	}
}
