package overview

import (
	"slices"

	"offlinestore/catalog"
)

// Repository has the images of one name that belong to no charm, in a list.
type Repository struct {
	Name   string            `json:"name"`
	Images []RepositoryImage `json:"images"`
}

// RepositoryImage is an image of a repository.
type RepositoryImage struct {
	Digest string `json:"digest"`
	// Tags are empty for an image that is pulled by its digest.
	Tags      []string `json:"tags"`
	Platforms []string `json:"platforms"`
	// Size is the number of bytes of the configs and layers. Source is the name upstream.
	Size   int64  `json:"size"`
	Source string `json:"source"`
}

// Repositories returns the images of a catalogue that belong to no charm.
func Repositories(cat *catalog.Snapshot) []Repository {
	out := []Repository{}
	for i := range cat.Repositories {
		out = append(out, listRepository(cat, &cat.Repositories[i]))
	}
	return out
}

func listRepository(cat *catalog.Snapshot, r *catalog.Repository) Repository {
	out := Repository{Name: r.Name, Images: []RepositoryImage{}}
	for _, i := range r.Images {
		out.Images = append(out.Images, RepositoryImage{i.Digest.String(), r.TagsOf(i.Digest), append([]string{}, i.Platforms...), cat.ImageSize(i.Digest), i.Source})
	}
	return out
}

// RepositoryDetail is a repository with the origin of its images.
type RepositoryDetail struct {
	Name   string        `json:"name"`
	Images []ImageDetail `json:"images"`
}

// ImageDetail is an image and its origin.
type ImageDetail struct {
	RepositoryImage
	Origin
}

// DescribeRepository describes a repository of a catalogue. The records are the whole history, newest first.
func DescribeRepository(cat *catalog.Snapshot, r *catalog.Repository, records []catalog.Record) *RepositoryDetail {
	origins := make(map[string]Origin)
	for _, rec := range slices.Backward(records) { // the newest import of an image, since an earlier one was removed
		for _, i := range rec.Report.RepositoryImages {
			if i.Repository == r.Name {
				origins[i.Digest.String()] = originOf(rec)
			}
		}
	}
	out := &RepositoryDetail{Name: r.Name, Images: []ImageDetail{}}
	for _, i := range listRepository(cat, r).Images {
		out.Images = append(out.Images, ImageDetail{i, origins[i.Digest]})
	}
	return out
}
