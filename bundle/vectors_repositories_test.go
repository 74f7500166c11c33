package bundle_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/image"
	"offlinestore/internal/bundletest"
)

// forgeRepositories returns the items of repositories. All of their names end in letters.
func (e *extras) forgeRepositories() (items []*forgeItem) {
	for _, r := range slices.SortedFunc(slices.Values(e.repositories), func(a, b *bundle.Repository) int { return cmp.Compare(a.Name, b.Name) }) {
		items = append(items, &forgeItem{artifactType: vnd + "image.repository.v1", name: "repository." + r.Name,
			config: &forgeBlob{mediaType: vnd + "image.repository.config.v1+json", data: forgeRepository(r)}})
	}
	return items
}

// forgeRepository returns the config of a repository.
func forgeRepository(r *bundle.Repository) []byte {
	images := []any{}
	for _, i := range r.Images {
		entry := map[string]any{"digest": i.Digest, "source": i.Source}
		if len(i.Platforms) > 0 {
			entry["platforms"] = i.Platforms
		}
		if len(i.Tags) > 0 {
			entry["tags"] = i.Tags
		}
		images = append(images, entry)
	}
	config := map[string]any{"name": r.Name, "images": images}
	if len(r.FurtherTags) > 0 {
		config["further-tags"] = r.FurtherTags
	}
	return toJSON(config)
}

// repositoryVector returns a bundle with all that is new in format 1.4: images that belong to no charm. One is for two platforms and has two
// tags and a signature, one has no tag, and one is the same image in another repository.
func repositoryVector(tb testing.TB) *content {
	tb.Helper()
	c := vectorContent(tb, bundletest.New(tb, 0))
	amd64 := c.addImage(ociManifestType, []byte(`{"architecture":"amd64","os":"linux"}`), []byte("layer of app for amd64"))
	arm64 := c.addImage(ociManifestType, []byte(`{"architecture":"arm64","os":"linux"}`), []byte("layer of app for arm64"))
	app := c.addIndex(ociIndexType, amd64, arm64)
	tool := c.addImage(dockerManifestType, []byte(`{"architecture":"amd64","os":"linux","x":1}`), []byte("layer of tool"))
	signature := c.addForged(ociManifest{SchemaVersion: 2, MediaType: ociManifestType}, []byte("{}"), []byte("a signature by a tag"))
	slices.SortFunc(c.images, func(a, b *bundle.ImageManifest) int { return cmp.Compare(a.Digest, b.Digest) })
	const host = "registry.example.com:5000/"
	named := image.Image{Digest: app.Digest, Platforms: []string{"linux/amd64", "linux/arm64"}, Source: host + "apps/app:1.2",
		Tags: map[string]string{"1.2": host + "apps/app:1.2", "stable": host + "apps/app@" + app.Digest}}
	pinned := image.Image{Digest: tool.Digest, Source: host + "apps/app@" + tool.Digest}
	list := []image.Image{named, pinned}
	slices.SortFunc(list, func(a, b image.Image) int { return cmp.Compare(a.Digest, b.Digest) })
	c.repositories = []*bundle.Repository{
		{Repository: image.Repository{Name: "apps/app", Images: list,
			FurtherTags: map[string]string{strings.Replace(app.Digest, ":", "-", 1) + ".sig": signature.Digest}}},
		{Repository: image.Repository{Name: "mirror/tool", Images: []image.Image{{Digest: tool.Digest, Platforms: []string{"linux/amd64"}, Source: "docker.io/library/tool:latest",
			Tags: map[string]string{"latest": "docker.io/library/tool:latest"}}}}},
	}
	return c
}

// withCharmImage returns a charm with an image, and beside it a repository of the image's name.
func withCharmImage(tb testing.TB) *content {
	tb.Helper()
	c := pgVector(tb)
	i := c.charmResources[slices.IndexFunc(c.charmResources, func(r *bundle.CharmResource) bool { return r.Image != nil })].Image
	i.Name = "apps/pg@" + i.Digest
	c.repositories = []*bundle.Repository{{Repository: image.Repository{Name: "apps/pg", Images: []image.Image{{Digest: i.Digest, Source: "docker.io/apps/pg:14"}}}}}
	return c
}

// repositoryFlaws returns hostile bundles that use the additions of format 1.4.
func repositoryFlaws(t *testing.T) []flaw {
	t.Helper()
	replace := func(item, from, to string) func(*forge) {
		return func(f *forge) {
			c := f.find(item).config
			if !bytes.Contains(c.data, []byte(from)) {
				t.Fatalf("%s: its config has no %s", item, from)
			}
			c.data = bytes.Replace(c.data, []byte(from), []byte(to), 1)
		}
	}
	const app, tool = "repository.apps/app", "repository.mirror/tool"
	good := repositoryVector(t)
	toolDigest := good.repositories[1].Images[0].Digest
	other := "sha256:" + strings.Repeat("0", 64)
	rename := func(from, to string) func(*forge) {
		return func(f *forge) {
			replace(tool, from, to)(f)
			f.find(tool).name = "repository." + to
		}
	}
	flaws := []flaw{
		{name: "repository-image-absent", shows: "The image of a repository is not in the bundle.", edit: replace(tool, toolDigest, other)},
		{name: "repository-without-images", shows: "A repository has no images.", edit: func(f *forge) { f.find(tool).config.data = []byte(`{"name":"mirror/tool","images":[]}`) }},
		{name: "repository-images-null", shows: "The images of a repository are null.", edit: func(f *forge) { f.find(tool).config.data = []byte(`{"name":"mirror/tool","images":null}`) }},
		{name: "repository-order", shows: "The images of a repository are not sorted.", edit: func(f *forge) {
			r := repositoryVector(t).repositories[0]
			slices.Reverse(r.Images)
			f.find(app).config.data = forgeRepository(r)
		}},
		{name: "repository-image-twice", shows: "A repository has an image twice.", edit: func(f *forge) {
			r := repositoryVector(t).repositories[1]
			r.Images = append(r.Images, image.Image{Digest: toolDigest, Source: "docker.io/library/tool:1"})
			f.find(tool).config.data = forgeRepository(r)
		}},
		{name: "repository-tag-twice", shows: "Two images of a repository have one tag.", edit: func(f *forge) {
			r := repositoryVector(t).repositories[0]
			for i := range r.Images {
				r.Images[i].Tags = map[string]string{"1.2": r.Images[i].Source}
			}
			f.find(app).config.data = forgeRepository(r)
		}},
		{name: "repository-tag-form", shows: "A tag begins with a dot.", edit: replace(tool, `{"latest":`, `{".latest":`)},
		{name: "repository-tag-of-digest", shows: "A tag has the form of the tag of a signature.", edit: replace(tool, `{"latest":`, fmt.Sprintf(`{"sha256-%s.sig":`, strings.Repeat("0", 64)))},
		{name: "repository-tag-null", shows: "The tags of an image are null.", edit: replace(tool, `"tags":{"latest":"docker.io/library/tool:latest"}`, `"tags":null`)},
		{name: "repository-further-tag-form", shows: "A further tag is an ordinary one.", edit: func(f *forge) {
			r := repositoryVector(t).repositories[0]
			r.FurtherTags = map[string]string{"1.3": toolDigest}
			f.find(app).config.data = forgeRepository(r)
		}},
		{name: "repository-further-tag-of-nothing", shows: "A further tag follows from a manifest that the bundle does not have.", edit: func(f *forge) {
			r := repositoryVector(t).repositories[0]
			r.FurtherTags = map[string]string{"sha256-" + strings.Repeat("0", 64) + ".sig": toolDigest}
			f.find(app).config.data = forgeRepository(r)
		}},
		{name: "repository-platform", shows: "A platform is no platform.", edit: replace(tool, `"linux/amd64"`, `"linux"`)},
		{name: "repository-platforms-order", shows: "The platforms of an image are not sorted.", edit: replace(tool, `"linux/amd64"`, `"linux/arm64","linux/amd64"`)},
		{name: "repository-source-empty", shows: "The source of an image is empty.", edit: replace(tool, `"source":"docker.io/library/tool:latest"`, `"source":""`)},
		{name: "repository-source-password", shows: "The source of an image has a password.", edit: replace(tool, `"source":"docker.io/`, `"source":"user:secret@docker.io/`)},
		{name: "repository-without-source", shows: "An image has no source.", edit: replace(tool, `"source":`, `"from":`)},
		{name: "repository-of-charms", shows: "A repository has a name that belongs to images of charms.", edit: rename("mirror/tool", "charm/tool")},
		{name: "repository-name-upper", shows: "The name of a repository has a capital.", edit: rename("mirror/tool", "mirror/Tool")},
		{name: "repository-name-tag", shows: "The name of a repository has a tag.", edit: rename("mirror/tool", "mirror/tool:a")},
		{name: "repository-name-path", shows: "The name of a repository leads out of a folder.", edit: rename("mirror/tool", "mirror/../tool")},
		{name: "repository-name-long", shows: "The name of a repository is longer than 200 bytes.", edit: rename("mirror/tool", strings.Repeat("a/", 100)+"a")},
		{name: "repository-other-name", shows: "The item of a repository has the name of another one.", edit: func(f *forge) { f.find(tool).name = "repository.mirror/toot" }},
		{name: "repository-and-charm", shows: "A charm and a repository have images in the same place.", base: withCharmImage},
		{name: "repository-none", shows: "A manifest belongs to no repository.", edit: func(f *forge) { f.remove(app) }},
		{name: "repository-too-old", shows: "A bundle with repositories claims to be of format 1.3.", edit: func(f *forge) { f.format = "1.3" }, step: 5},
		{name: "repository-too-new", shows: "A bundle without repositories claims to be of format 1.4.", base: storeVector, edit: func(f *forge) { f.format = "1.4" }},
	}
	for i := range flaws {
		if flaws[i].base == nil {
			flaws[i].base = repositoryVector
		}
		if flaws[i].step == 0 {
			flaws[i].step = 10
		}
	}
	return flaws
}

// TestRepositoryLimits reads repositories of as many images and tags as they may have, and refuses more.
func TestRepositoryLimits(t *testing.T) {
	t.Parallel()
	c := repositoryVector(t)
	r := &image.Repository{Name: "a/b", Images: []image.Image{{Digest: c.images[0].Digest.String(), Source: "host/a/b", Tags: make(map[string]string)}}}
	for i := range image.MaxTags {
		r.Images[0].Tags[fmt.Sprint("t", i)] = "host/a/b"
	}
	if err := r.Validate(); err != nil {
		t.Errorf("a repository of %d tags: %v", image.MaxTags, err)
	}
	r.Images[0].Tags["more"] = "host/a/b"
	if err := r.Validate(); err == nil {
		t.Errorf("a repository of %d tags was taken", len(r.Images[0].Tags))
	}
	r.Images = nil
	for i := range image.MaxImages {
		r.Images = append(r.Images, image.Image{Digest: digest.NewDigestFromEncoded(digest.SHA256, fmt.Sprintf("%064x", i)).String(), Source: "host/a/b"})
	}
	if err := r.Validate(); err != nil {
		t.Errorf("a repository of %d images: %v", image.MaxImages, err)
	}
	r.Images = append(r.Images, image.Image{Digest: "sha256:" + strings.Repeat("f", 64), Source: "host/a/b"})
	if err := r.Validate(); err == nil {
		t.Errorf("a repository of %d images was taken", len(r.Images))
	}
}
