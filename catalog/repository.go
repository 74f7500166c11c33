package catalog

import (
	"github.com/opencontainers/go-digest"
)

// Repository has the images of one name that belong to no charm.
type Repository struct {
	// Name is the path in the registry.
	Name string
	// Images are sorted by digest.
	Images []RepositoryImage
	// Tags are sorted. Each names one of Images.
	Tags []RepositoryTag
}

// RepositoryImage is an image of a repository. Its manifests are in Images of the Snapshot.
type RepositoryImage struct {
	Digest digest.Digest
	// Source is the name of the image upstream, and Platforms are the parts that exports took, in the form linux/amd64.
	Source    string
	Platforms []string
	// Import is the number of the last import that had the image. Tagged is set if the image has a tag, or ever had one.
	Import int64
	Tagged bool
}

// RepositoryTag is the image that a tag names. Source is the name upstream that the tag follows.
type RepositoryTag struct {
	Tag    string
	Digest digest.Digest
	Source string
}

// RepositoryImageRef names an image of a repository in a report. Size is the number of bytes of its configs and layers.
type RepositoryImageRef struct {
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
	Size       int64         `json:"size"`
}

// TagMove is a change of the image that a tag names. From and To are empty for a tag that is not there.
type TagMove struct {
	Repository string        `json:"repository"`
	Tag        string        `json:"tag"`
	From       digest.Digest `json:"from"`
	To         digest.Digest `json:"to"`
}

// Image returns an image of the repository, or nil.
func (r *Repository) Image(d digest.Digest) *RepositoryImage {
	for i := range r.Images {
		if r.Images[i].Digest == d {
			return &r.Images[i]
		}
	}
	return nil
}

// TagsOf returns the tags of an image.
func (r *Repository) TagsOf(d digest.Digest) []string {
	out := []string{}
	for _, t := range r.Tags {
		if t.Digest == d {
			out = append(out, t.Tag)
		}
	}
	return out
}

// Repository returns a repository by its name, or nil.
func (c *Snapshot) Repository(name string) *Repository {
	for i := range c.Repositories {
		if c.Repositories[i].Name == name {
			return &c.Repositories[i]
		}
	}
	return nil
}

func (l *loader) repositories() error {
	const images = `
		select repository, digest, source, platforms, import_id,
			exists (select from repository_tag_history h where h.repository = r.repository and h.digest = r.digest)
		from repository_image r order by repository collate "C", digest collate "C"`
	const tags = `select repository, tag, digest, source from repository_tag order by repository collate "C", tag collate "C"`
	var name, d string
	var image RepositoryImage
	err := l.each(images, []any{&name, &d, &image.Source, &image.Platforms, &image.Import, &image.Tagged}, func() error {
		n := len(l.c.Repositories)
		if n == 0 || l.c.Repositories[n-1].Name != name {
			l.c.Repositories, n = append(l.c.Repositories, Repository{Name: name}), n+1
		}
		image.Digest = digest.Digest(d)
		l.c.Repositories[n-1].Images = append(l.c.Repositories[n-1].Images, image)
		image.Platforms = nil
		return nil
	})
	if err != nil {
		return err
	}
	byName := make(map[string]*Repository, len(l.c.Repositories))
	for i := range l.c.Repositories {
		byName[l.c.Repositories[i].Name] = &l.c.Repositories[i]
	}
	var t RepositoryTag
	return l.each(tags, []any{&name, &t.Tag, &d, &t.Source}, func() error {
		t.Digest = digest.Digest(d)
		byName[name].Tags = append(byName[name].Tags, t)
		return nil
	})
}
