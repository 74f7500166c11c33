package main

import (
	"maps"
	"slices"

	"offlinestore/bundle"
)

// repositorySummary describes a repository of images that belong to no charm.
type repositorySummary struct {
	Repository string                   `json:"repository"`
	Images     []repositoryImageSummary `json:"images"`
}

type repositoryImageSummary struct {
	Digest    string   `json:"digest"`
	Tags      []string `json:"tags"`
	Platforms []string `json:"platforms"`
	Source    string   `json:"source"`
	// Manifests counts the manifests of the image in the bundle, and Size is the size of their configs and layers.
	Manifests int   `json:"manifests"`
	Size      int64 `json:"size"`
}

func summariseRepository(r *bundle.Repository, h *bundle.Head) repositorySummary {
	out := repositorySummary{Repository: r.Name, Images: []repositoryImageSummary{}}
	for _, i := range r.Images {
		row := repositoryImageSummary{Digest: i.Digest, Tags: append([]string{}, slices.Sorted(maps.Keys(i.Tags))...), Platforms: append([]string{}, i.Platforms...), Source: i.Source}
		seen := make(map[string]bool)
		for _, m := range h.ImageManifests(i.Digest) {
			row.Manifests++
			for _, b := range m.Blobs {
				if !seen[b.Digest.String()] {
					seen[b.Digest.String()] = true
					row.Size += b.Size
				}
			}
		}
		out.Images = append(out.Images, row)
	}
	return out
}
