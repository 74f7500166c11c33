package registry

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/store"
)

// index is one state of the catalogue, arranged for answers. Nothing in it changes.
type index struct {
	images       images
	repositories map[string]*repository
	// names are those of repositories that have an image, sorted.
	names    []string
	oddities []string
}

// images are the manifests and indexes that are here.
type images map[digest.Digest]*store.Image

// repository is what one name gives access to. It is empty where exports left all of its images out.
type repository struct {
	tags      map[string]digest.Digest
	tagNames  []string // sorted
	manifests map[digest.Digest]bool
	blobs     map[digest.Digest]int64
}

func newIndex(c *store.Catalog) (*index, error) {
	all, err := newImages(c)
	if err != nil {
		return nil, err
	}
	ix := &index{images: all, repositories: make(map[string]*repository)}
	var named []namedImage
	named, ix.oddities = namedImages(c)
	for _, n := range named {
		ix.add(n)
	}
	for name, repo := range ix.repositories {
		repo.tagNames = slices.Sorted(maps.Keys(repo.tags))
		if len(repo.manifests) > 0 {
			ix.names = append(ix.names, name)
		}
	}
	slices.Sort(ix.names)
	return ix, nil
}

func newImages(c *store.Catalog) (images, error) {
	all := make(images, len(c.Images))
	for i := range c.Images {
		m := &c.Images[i]
		if err := blob.CheckDigest(m.Digest); err != nil {
			return nil, fmt.Errorf("catalogue of images: %w", err)
		}
		if all[m.Digest] != nil {
			return nil, fmt.Errorf("catalogue of images: %s is there twice", m.Digest)
		}
		all[m.Digest] = m
	}
	return all, nil
}

// add makes a repository serve an image. Of several that claim a tag, the last has it, which is the newest revision of a resource.
func (ix *index) add(n namedImage) {
	repo := ix.repositories[n.repository]
	if repo == nil {
		repo = &repository{tags: make(map[string]digest.Digest), manifests: make(map[digest.Digest]bool), blobs: make(map[digest.Digest]int64)}
		ix.repositories[n.repository] = repo
	}
	if ix.images[n.root] == nil {
		return
	}
	if n.tag != "" {
		repo.tags[n.tag] = n.root
	}
	for _, m := range ix.images.tree(n.root) {
		if repo.manifests[m.Digest] {
			continue
		}
		repo.manifests[m.Digest] = true
		for _, b := range m.Blobs {
			repo.blobs[b.Digest] = b.Size
		}
	}
}

// tree is root and all manifests below it that are here, each once, children before the index that lists them.
func (all images) tree(root digest.Digest) []*store.Image {
	var list []*store.Image
	type step struct {
		*store.Image
		done bool // its children are in the list
	}
	seen := make(map[digest.Digest]bool)
	for todo := []step{{all[root], false}}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch {
		case at.done:
			list = append(list, at.Image)
		case at.Image != nil && !seen[at.Digest]:
			seen[at.Digest] = true
			todo = append(todo, step{at.Image, true})
			for _, child := range slices.Backward(at.Children) {
				todo = append(todo, step{all[child], false})
			}
		}
	}
	return list
}
