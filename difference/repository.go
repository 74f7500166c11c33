package difference

import (
	"offlinestore/image"
)

// OfRepository returns the changes of a repository of images that belong to no charm: of its tags, and of its images. before or after is nil
// if the repository is not there.
func OfRepository(before, after *image.Repository) (out []Change) {
	if before == nil {
		before = &image.Repository{Name: after.Name}
	}
	if after == nil {
		after = &image.Repository{Name: before.Name}
	}
	old, now := before.Tags(), after.Tags()
	for _, tag := range unite(old, now) {
		if old[tag] != now[tag] {
			c := Change{What: Repository, Name: after.Name + ":" + tag, Field: "digest"}
			out = append(out, c.values(old[tag], now[tag]))
		}
	}
	c := Change{What: Repository, Name: after.Name}
	out = append(out, c.fields(before, after, "images", "name")...)
	was, is := imagesOf(before), imagesOf(after)
	for _, d := range unite(was, is) {
		b, had := was[d]
		a, has := is[d]
		switch {
		case had && has:
			out = append(out, OfRepositoryImage(after.Name, b, a)...)
			for _, tag := range unite(b.Tags, a.Tags) {
				if old[tag] == now[tag] {
					out = append(out, OfTagSource(after.Name, tag, b.Tags[tag], a.Tags[tag])...)
				}
			}
		case len(b.Tags)+len(a.Tags) == 0: // a tag tells of others
			c := Change{What: Repository, Name: after.Name + "@" + d, Field: "digest"}
			out = append(out, c.values(b.Digest, a.Digest))
		}
	}
	return out
}

func imagesOf(r *image.Repository) map[string]image.Image {
	out := make(map[string]image.Image, len(r.Images))
	for _, i := range r.Images {
		out[i.Digest] = i
	}
	return out
}

// OfRepositoryImage returns the changes of an image of a repository, except for its tags.
func OfRepositoryImage(repository string, before, after image.Image) []Change {
	c := Change{What: Repository, Name: repository + "@" + after.Digest}
	return c.fields(before, after, "digest", "tags")
}

// OfTagSource returns the change of the name upstream that a tag of a repository follows.
func OfTagSource(repository, tag, before, after string) []Change {
	if before == after {
		return nil
	}
	c := Change{What: Repository, Name: repository + ":" + tag, Field: "source"}
	return []Change{c.values(before, after)}
}
