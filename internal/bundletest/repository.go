package bundletest

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/image"
)

// AddNamedImage adds an image that belongs to no charm, and returns its digest. The name is a repository, which may have a tag. The image is
// as AddImage makes it.
func (b *Bundle) AddNamedImage(name, seed string, platforms ...string) digest.Digest {
	b.tb.Helper()
	d := b.imageOf(seed, platforms...)
	path, tag, tagged := strings.Cut(name, ":")
	i := image.Image{Digest: d.String(), Platforms: platforms, Source: "registry.example.com/" + path + "@" + d.String()}
	if tagged {
		i.Source = "registry.example.com/" + name
		i.Tags = map[string]string{tag: i.Source}
	}
	if err := b.repository(path).Add(i); err != nil {
		b.tb.Fatal(err)
	}
	return d
}

// imageOf adds an image, unless the bundle has it.
func (b *Bundle) imageOf(seed string, platforms ...string) digest.Digest {
	before := len(b.Images)
	d := b.AddImage(seed, platforms...)
	for _, m := range b.Images[:before] {
		if m.Digest == d {
			b.Images = b.Images[:before]
			break
		}
	}
	return d
}

// repository returns the repository of a name, new if need be.
func (b *Bundle) repository(name string) *bundle.Repository {
	for _, r := range b.Repositories {
		if r.Name == name {
			return r
		}
	}
	r := &bundle.Repository{Repository: image.Repository{Name: name}}
	b.Repositories = append(b.Repositories, r)
	return r
}

// SignImage adds a signature of an image of a repository, which a tag names, and returns the tag.
func (b *Bundle) SignImage(repository string, of digest.Digest) string {
	b.tb.Helper()
	signature := b.imageOf("signature of "+of.String(), "linux/amd64")
	tag := strings.Replace(of.String(), ":", "-", 1) + ".sig"
	b.repository(repository).AddFurtherTags(map[string]string{tag: signature.String()})
	return tag
}
