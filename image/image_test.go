package image_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/distribution/reference"

	"offlinestore/image"
)

const (
	digestA = "sha256:" + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:" + "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// TestReferences parses names of images upstream, and finds their names inside.
func TestReferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, as, pull, inside string }{
		{"docker.io/library/postgres:16", "", "docker.io/library/postgres:16", "library/postgres:16"},
		{"postgres", "", "docker.io/library/postgres:latest", "library/postgres:latest"},
		{"localhost:5000/a/b:1", "", "localhost:5000/a/b:1", "a/b:1"},
		{"ghcr.io/a/b@" + digestA, "", "ghcr.io/a/b@" + digestA, "a/b"},
		{"ghcr.io/a/b:1@" + digestA, "", "ghcr.io/a/b@" + digestA, "a/b:1"},
		{"ghcr.io/a/b:1", "c/d", "ghcr.io/a/b:1", "c/d:1"},
		{"ghcr.io/a/b:1", "c/d:2", "ghcr.io/a/b:1", "c/d:2"},
		{"ghcr.io/a/b@" + digestA, "c:2", "ghcr.io/a/b@" + digestA, "c:2"},
		{"ghcr.io/charm/b:1", "b", "ghcr.io/charm/b:1", "b:1"},
	} {
		ref, err := image.ParseReference(c.text)
		if err != nil {
			t.Errorf("ParseReference(%q): %v", c.text, err)
			continue
		}
		inside, err := ref.Inside(c.as)
		if err != nil || ref.Pull() != c.pull || inside.String() != c.inside {
			t.Errorf("%q as %q: pulled by %q, inside %q, %v; want %q and %q", c.text, c.as, ref.Pull(), inside, err, c.pull, c.inside)
		}
	}
	for _, text := range []string{"", "a b", "ghcr.io/A", "user:secret@ghcr.io/a", "ghcr.io/a@sha256:12", "https://ghcr.io/a", "ghcr.io/a:" + strings.Repeat("x", 129)} {
		if ref, err := image.ParseReference(text); err == nil {
			t.Errorf("ParseReference(%q) = %q, want an error", text, ref)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseReference(%q): the error %v quotes a password", text, err)
		}
	}
	for _, c := range [][2]string{{"ghcr.io/charm/b:1", ""}, {"ghcr.io/a:1", "charm"}, {"ghcr.io/a:1", "b@" + digestA}, {"ghcr.io/a:1", "b:"}, {"ghcr.io/a:1", "/b"},
		{"ghcr.io/a:sha256-" + digestA[7:] + ".sig", ""}, {"ghcr.io/" + strings.Repeat("a/", 100) + "a:1", ""}} {
		ref, err := image.ParseReference(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if inside, err := ref.Inside(c[1]); err == nil {
			t.Errorf("%q as %q is %q inside, want an error", c[0], c[1], inside)
		}
	}
}

// TestAdd adds images to a repository in several orders. An image has all its tags and platforms, and a tag one image.
func TestAdd(t *testing.T) {
	t.Parallel()
	r := &image.Repository{Name: "a/b"}
	for _, i := range []image.Image{
		{Digest: digestB, Source: "host/a/b:2", Tags: map[string]string{"2": "host/a/b:2"}, Platforms: []string{"linux/arm64"}},
		{Digest: digestA, Source: "host/a/b@" + digestA},
		{Digest: digestB, Source: "host/a/b:latest", Tags: map[string]string{"latest": "host/a/b:latest"}, Platforms: []string{"linux/amd64", "linux/arm64"}},
	} {
		if err := r.Add(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(r.Names(), " "); got != "a/b:2 a/b:latest a/b@"+digestA {
		t.Errorf("Names = %s", got)
	}
	if got := strings.Join(r.Images[1].Platforms, " "); got != "linux/amd64 linux/arm64" {
		t.Errorf("platforms %s", got)
	}
	if err := r.Add(image.Image{Digest: digestA, Source: "host/a/b:2", Tags: map[string]string{"2": "host/a/b:2"}}); err == nil {
		t.Error("two images got one tag")
	}
}

// FuzzRepository validates configs of repositories. Every name in an accepted one must be one that clients can pull.
func FuzzRepository(f *testing.F) {
	f.Add([]byte(`{"name":"a/b","images":[{"digest":"` + digestA + `","source":"host/a/b:1","platforms":["linux/amd64"],"tags":{"1":"host/a/b:1"}}],"further-tags":{"sha256-` + digestA[7:] + `.sig":"` + digestB + `"}}`))
	f.Add([]byte(`{"name":"charm","images":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r image.Repository
		if json.Unmarshal(text, &r) != nil || r.Validate() != nil {
			return
		}
		for _, name := range r.Names() {
			named, err := reference.ParseNormalizedNamed("host.example:5000/" + name)
			if err != nil || reference.Path(named) != r.Name {
				t.Errorf("name %q: %v, %v", name, named, err)
			}
		}
		for _, i := range r.Referred() {
			if err := i.Validate(); err != nil {
				t.Errorf("%q: %v", i.Name, err)
			}
			if _, err := image.ParseReference(i.Source); err != nil {
				t.Errorf("source %q: %v", i.Source, err)
			}
		}
	})
}

// FuzzReference parses names of images. An accepted one leads to itself again, and to a repository that a bundle can hold.
func FuzzReference(f *testing.F) {
	f.Add("docker.io/library/postgres:16", "")
	f.Add("ghcr.io/a/b@"+digestA, "c/d:2")
	f.Add("[::1]:5000/x", "a..b")
	f.Fuzz(func(t *testing.T, text, as string) {
		ref, err := image.ParseReference(text)
		if err != nil {
			return
		}
		again, err := image.ParseReference(ref.String())
		if err != nil || again != ref {
			t.Fatalf("%q became %q, %v", ref, again, err)
		}
		inside, err := ref.Inside(as)
		if err != nil {
			return
		}
		r := &image.Repository{Name: inside.Path}
		i := image.Image{Digest: digestA, Source: ref.String()}
		if inside.Tag != "" {
			i.Tags = map[string]string{inside.Tag: ref.String()}
		}
		if err := r.Add(i); err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err != nil && len(ref.String()) <= 1000 {
			t.Errorf("%q as %q: %v", text, as, err)
		}
	})
}
