package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// FindRepository returns the repository of a name.
func (c *Snapshot) FindRepository(name string) (*Repository, error) {
	if r := c.Repository(name); r != nil {
		return r, nil
	}
	return nil, &NotFoundError{What: fmt.Sprintf("image %.80q", name)}
}

// MeansImage reports whether a name means images that belong to no charm, because neither a snap nor a charm has it.
func (c *Snapshot) MeansImage(name string) bool {
	path, _, _ := SplitImage(name)
	return c.Repository(path) != nil && c.snap(name) == nil && c.charm(name) == nil
}

// SplitImage splits the name of an image into the repository, and the tag or the digest.
func SplitImage(name string) (repository, tag string, d digest.Digest) {
	if path, at, ok := strings.Cut(name, "@"); ok {
		repository, _, _ = strings.Cut(path, ":")
		return repository, "", digest.Digest(at)
	}
	repository, tag, _ = strings.Cut(name, ":")
	return repository, tag, ""
}

// RepositoryNames returns the names of the repositories of images that belong to no charm.
func (c *Snapshot) RepositoryNames() (names []string) {
	for i := range c.Repositories {
		names = append(names, c.Repositories[i].Name)
	}
	return names
}

// ImageSize returns the number of bytes of the configs and layers of an image.
func (c *Snapshot) ImageSize(root digest.Digest) int64 { return imageSize(c.Images, root) }

// imageSize adds up the sizes of the blobs of an image, each once.
func imageSize(images []Image, root digest.Digest) (n int64) {
	byDigest := make(map[digest.Digest]*Image, len(images))
	for i := range images {
		byDigest[images[i].Digest] = &images[i]
	}
	seen := make(map[digest.Digest]bool)
	for todo := []digest.Digest{root}; len(todo) > 0; {
		m := byDigest[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		if m == nil || seen[m.Digest] {
			continue
		}
		seen[m.Digest] = true
		todo = append(todo, m.Children...)
		for _, b := range m.Blobs {
			if !seen[b.Digest] {
				seen[b.Digest] = true
				n += b.Size
			}
		}
	}
	return n
}

// lostTag returns the removal of a tag.
func (r *Repository) lostTag(t RepositoryTag) TagMove {
	return TagMove{Repository: r.Name, Tag: t.Tag, From: t.Digest}
}

// addRepository adds the images and the tags of a repository that an item takes.
func (r *Removed) addRepository(c *Snapshot, repository *Repository, it Item) {
	if it.Whole {
		r.Repositories = append(r.Repositories, repository.Name)
	}
	for _, i := range repository.Images {
		if it.Whole || slices.Contains(it.Digests, i.Digest) {
			r.RepositoryImages = append(r.RepositoryImages, RepositoryImageRef{repository.Name, i.Digest, c.ImageSize(i.Digest)})
		}
	}
	for _, t := range repository.Tags {
		if it.Whole || slices.Contains(it.Digests, t.Digest) || slices.Contains(it.Tags, t.Tag) {
			r.TagMoves = append(r.TagMoves, repository.lostTag(t))
		}
	}
	slices.SortFunc(r.TagMoves, func(a, b TagMove) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag))
	})
}
