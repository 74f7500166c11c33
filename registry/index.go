package registry

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// index is one state of the catalogue, arranged for answers. It does not change.
type index struct {
	images       images
	repositories map[string]*repository
	// referrers are the manifests that refer to a manifest, by its digest.
	referrers map[digest.Digest][]digest.Digest
	// names are the names of repositories that have an image, sorted.
	names    []string
	problems []string
}

// images are the manifests and indexes in the store.
type images map[digest.Digest]*catalog.Image

// maxTree bounds the manifests of a served image: an index of all platforms has some dozens.
const maxTree = 2048

// repository is the content of one name. It is empty if exports left out all its images.
type repository struct {
	tags     map[string]digest.Digest
	tagNames []string // sorted
	trees    []*tree
}

// tree is an image with all its parts. All repositories that have the image share it.
type tree struct {
	root      digest.Digest
	manifests map[digest.Digest]bool
	blobs     map[digest.Digest]int64
}

// hasManifest reports whether a manifest belongs to an image of the repository.
func (r *repository) hasManifest(d digest.Digest) bool {
	return slices.ContainsFunc(r.trees, func(t *tree) bool { return t.manifests[d] })
}

// blobSize returns the size of a blob that belongs to an image of the repository.
func (r *repository) blobSize(d digest.Digest) (int64, bool) {
	for _, t := range r.trees {
		if size, ok := t.blobs[d]; ok {
			return size, true
		}
	}
	return 0, false
}

func newIndex(c *catalog.Snapshot) (*index, error) {
	all, err := newImages(c)
	if err != nil {
		return nil, err
	}
	ix := &index{images: all, repositories: make(map[string]*repository), referrers: referrersOf(c)}
	var named []namedImage
	named, ix.problems = namedImages(c)
	trees := make(map[digest.Digest]*tree)
	holders := make(map[string]namedImage) // of tags
	for _, n := range named {
		ix.addImage(n, trees)
		if n.tag == "" {
			continue
		}
		at := n.repository + ":" + n.tag
		if o, ok := holders[at]; ok && o.root != n.root && (o.charm != n.charm || o.resource != n.resource) {
			ix.problems = append(ix.problems, fmt.Sprintf("%s: %s is the name of another image, too: that of %s", n.owner(), at, o.owner()))
		}
		holders[at] = n
	}
	ix.addReferrers(c, trees)
	for name, repo := range ix.repositories {
		repo.tagNames = slices.Sorted(maps.Keys(repo.tags))
		if len(repo.trees) > 0 {
			ix.names = append(ix.names, name)
		}
	}
	slices.Sort(ix.names)
	return ix, nil
}

func newImages(c *catalog.Snapshot) (images, error) {
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

// addImage makes a repository serve an image. If several images claim a tag, the last one has it, which belongs to the newest
// revision of a resource. If that image was left out, the tag has none: an older image under its name would be taken for it.
func (ix *index) addImage(n namedImage, trees map[digest.Digest]*tree) {
	repo := ix.repositories[n.repository]
	if repo == nil {
		repo = &repository{tags: make(map[string]digest.Digest)}
		ix.repositories[n.repository] = repo
	}
	if n.tag != "" {
		delete(repo.tags, n.tag)
	}
	if ix.addTree(repo, n.name, n.root, trees) && n.tag != "" {
		repo.tags[n.tag] = n.root
	}
}

// addTree makes a repository serve a manifest with all its parts. It reports whether the repository has them.
func (ix *index) addTree(repo *repository, name string, root digest.Digest, trees map[digest.Digest]*tree) bool {
	t := trees[root]
	if t == nil && ix.images[root] != nil {
		t = ix.images.newTree(root)
		trees[root] = t
	}
	switch {
	case t == nil:
		return false
	case t.manifests == nil:
		ix.problems = append(ix.problems, fmt.Sprintf("image %s has more than %d manifests, so it is left out", name, maxTree))
		return false
	}
	if !slices.Contains(repo.trees, t) {
		repo.trees = append(repo.trees, t)
	}
	return true
}

// newTree collects the parts of an image. It has no manifests if they are too many.
func (all images) newTree(root digest.Digest) *tree {
	list := all.below(root, maxTree)
	if list == nil {
		return &tree{root: root}
	}
	t := &tree{root, make(map[digest.Digest]bool, len(list)), make(map[digest.Digest]int64)}
	for _, m := range list {
		t.manifests[m.Digest] = true
		for _, b := range m.Blobs {
			t.blobs[b.Digest] = b.Size
		}
	}
	return t
}

// below returns root and all manifests below it that are here, each once, with children before the index that lists them. It
// returns nil if they are more than max.
func (all images) below(root digest.Digest, max int) []*catalog.Image {
	var list []*catalog.Image
	type step struct {
		*catalog.Image
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
			if seen[at.Digest] = true; len(seen) > max {
				return nil
			}
			todo = append(todo, step{at.Image, true})
			for _, child := range slices.Backward(at.Children) {
				todo = append(todo, step{all[child], false})
			}
		}
	}
	return list
}
