package wanted_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
	"offlinestore/receipt"
	"offlinestore/wanted"
)

// imagesOf returns the content of a bundle with images, in the form of AddNamedImage. All have one platform.
func imagesOf(t *testing.T, names ...string) (*bundletest.Bundle, *bundle.Content) {
	t.Helper()
	b := bundletest.New(t, 0)
	for _, text := range names {
		name, seed, _ := strings.Cut(text, "=")
		b.AddNamedImage(name, seed, "linux/amd64")
	}
	return b, contentOf(t, b)
}

func contentOf(t *testing.T, b *bundletest.Bundle) *bundle.Content {
	t.Helper()
	c, err := b.Builder().Content()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// differences describes differences in images.
func differences(t *testing.T, a, b wanted.Side) (out []string) {
	t.Helper()
	list, err := wanted.Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		sign := "~"
		switch {
		case d.Kind == wanted.DifferentWish && d.From < 0, d.Kind != wanted.DifferentWish && d.Old == "":
			sign = "+"
		case d.Kind == wanted.DifferentWish, d.New == "":
			sign = "-"
		}
		out = append(out, sign+d.Name+d.ImageName+" "+d.Field)
	}
	slices.Sort(out)
	return out
}

// TestCompareImages compares a file, contents and a receipt by images that belong to no charm.
func TestCompareImages(t *testing.T) {
	t.Parallel()
	f, err := wanted.Parse("f", []byte("images: [h.example/a/b:1, {name: h.example/c:2, as: d/e:3}]"))
	if err != nil {
		t.Fatal(err)
	}
	b, c := imagesOf(t, "a/b:1=x", "d/e:4=y")
	_, other := imagesOf(t, "a/b:1=z", "d/e:4=y")
	x := b.Images[0]
	blobs, err := receipt.NewBlobs([]digest.Digest{x.Digest})
	if err != nil {
		t.Fatal(err)
	}
	r := &receipt.Receipt{Blobs: blobs, Images: []receipt.Image{{Name: "a/b:1", Digest: x.Digest}, {Name: "only/here:1", Digest: x.Digest}}}
	file, content, second, site := wanted.Side{File: f}, wanted.Side{Head: c.Head()}, wanted.Side{Head: other.Head()}, wanted.Side{Receipt: r}
	for _, p := range []struct {
		a, b wanted.Side
		want []string
	}{
		{file, content, []string{"+d/e:4 ", "-d/e:3 image"}},
		{content, file, []string{"+d/e:3 image", "-d/e:4 "}},
		{content, second, []string{"~a/b:1 digest"}},
		{content, site, []string{"+only/here:1 digest", "-d/e:4 digest", "~a/b@" + x.Digest.String() + " blobs"}},
		{site, content, []string{"+d/e:4 digest", "-only/here:1 digest", "~a/b@" + x.Digest.String() + " blobs"}},
		{file, site, []string{"+only/here:1 ", "-d/e:3 image"}},
	} {
		got := slices.DeleteFunc(differences(t, p.a, p.b), func(s string) bool { return strings.Contains(s, "platforms") || strings.Contains(s, "source") })
		if diff := cmp.Diff(p.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestUpdateImages updates one tag of a lock. The others stay, with their signatures.
func TestUpdateImages(t *testing.T) {
	t.Parallel()
	b := bundletest.New(t, 0)
	for _, name := range []string{"a/b:1", "a/b:2", "a/b", "c/d:1"} {
		d := b.AddNamedImage(name, "seed of "+name, "linux/amd64")
		b.SignImage(strings.Split(name, ":")[0], d)
	}
	old := contentOf(t, b)
	_, now := imagesOf(t, "a/b:1=new", "e:1=new")
	c, err := wanted.Update(old, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Head().Repositories {
		for _, name := range r.Names() {
			if strings.Contains(name, "@") {
				name = r.Name
			}
			got = append(got, name)
		}
		got = append(got, fmt.Sprintf("%s has %d further tags", r.Name, len(r.FurtherTags)))
	}
	if diff := cmp.Diff([]string{"a/b:1", "a/b:2", "a/b", "a/b has 2 further tags", "c/d:1", "c/d has 1 further tags", "e:1", "e has 0 further tags"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, l := range wanted.Lines(c.Head()) {
		if strings.HasPrefix(l, "image a/b:1 is ") && !strings.HasSuffix(l, now.Head().Repositories[0].Images[0].Digest) {
			t.Errorf("a/b:1 was not updated: %s", l)
		}
	}
	if _, err := wanted.Update(c, c); err != nil {
		t.Errorf("an update with itself: %v", err)
	}
}

// TestImageProblems finds mistakes in entries of images, with their places.
func TestImageProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"images: nginx":                                                        `f:1:9: want a list`,
		"images: [Nginx]":                                                      `f:1:10: image reference: want registry/path`,
		"images: [{name: nginx, as: 'a b'}]":                                   `f:1:28: repository "a b"`,
		"images: [{name: nginx, arch: amd64}]":                                 `f:1:24: unknown key "arch"`,
		"images: [{as: nginx}]":                                                `f:1:10: it lacks the key "name"`,
		"images: [h.example/charm/x]":                                          `f:1:10: image h.example/charm/x: repository "charm/x": names below charm/`,
		"images:\n- h.example/x\n- h.example/x:latest":                         `f:3:3: the image in line 2 gets the name x:latest, too`,
		"images: {include: false}\ncharm-images: {}":                           `f: it asks for nothing`,
		"images: {include: false}\ncharm-images: {include: true}\nsnaps: [jq]": `f:1:9: images is about charms here, and so is charm-images`,
		"images: [{name: nginx, architectures: [A]}]":                          `f:1:40: `,
	} {
		_, err := wanted.Parse("f", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", text, err, want)
		}
	}
	old, err := wanted.Parse("f", []byte("images: {include: false}\nsnaps: [jq]"))
	if err != nil {
		t.Fatal(err)
	}
	now, err := wanted.Parse("f", []byte("charm-images: {include: false}\nsnaps: [jq]"))
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := old.Digest()
	b, err2 := now.Digest()
	if err1 != nil || err2 != nil || a != b {
		t.Errorf("the two forms of charm-images have the digests %s and %s, %v, %v", a, b, err1, err2)
	}
}
