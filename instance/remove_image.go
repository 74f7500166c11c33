package instance

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
)

// imageItem finds images that belong to no charm by a name: a repository, a tag or a digest. A tag goes with its image, unless another tag
// names that.
func imageItem(c *catalog.Snapshot, name string) (catalog.Item, error) {
	path, tag, d := catalog.SplitImage(name)
	it := catalog.Item{Kind: catalog.ItemImage, Name: path}
	r, err := c.FindRepository(path)
	switch {
	case err != nil:
		return it, err
	case d != "":
		if r.Image(d) == nil {
			return it, &catalog.NotFoundError{What: fmt.Sprintf("image %s@%.80s", path, d)}
		}
		it.Digests = []digest.Digest{d}
	case tag != "":
		i := slices.IndexFunc(r.Tags, func(t catalog.RepositoryTag) bool { return t.Tag == tag })
		if i < 0 {
			return it, &catalog.NotFoundError{What: fmt.Sprintf("tag %.80s of %s", tag, path), Available: tagNames(r)}
		}
		it.Tags = []string{tag}
		if d := r.Tags[i].Digest; len(r.TagsOf(d)) == 1 {
			it.Digests = append(it.Digests, d)
		}
	default:
		it.Whole = true
	}
	it.Whole = it.Whole || len(it.Digests) == len(r.Images)
	return it, nil
}

func tagNames(r *catalog.Repository) (names []string) {
	for _, t := range r.Tags {
		names = append(names, t.Tag)
	}
	return names
}

// tagNeeds names the tags that lose their image, although the operator has named only its digest.
func tagNeeds(it catalog.Item, r *catalog.Removed) (needs []string) {
	for _, m := range r.TagMoves {
		if len(it.Digests) > 0 && !slices.Contains(it.Tags, m.Tag) && m.Repository == it.Name {
			needs = append(needs, fmt.Sprintf("the tag %s names %s", m.Tag, m.From))
		}
	}
	return needs
}
