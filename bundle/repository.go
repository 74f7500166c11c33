package bundle

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/charm"
	"offlinestore/image"
)

// Repository is the item of a repository of images that belong to no charm. The manifests of its images are items of their own.
type Repository struct{ image.Repository }

// repositoryPrefix begins the name of the item of a repository.
const repositoryPrefix = "repository."

// AddRepository adds a repository of images. Their manifests are added with AddImageManifest.
func (d *Builder) AddRepository(r *Repository) error {
	if err := r.validate(); err != nil {
		return err
	}
	return d.addItem(TypeRepository, r.itemName(), MediaRepositoryConfig, encode(r.Repository), r.layers())
}

func (r *Repository) validate() error { return r.Validate() }

func (r *Repository) itemName() string { return repositoryPrefix + r.Name }

func (r *Repository) layers() []Layer { return nil }

// description returns the description in an item, or nil for none.
func (r *Repository) description() *image.Repository {
	if r == nil {
		return nil
	}
	return &r.Repository
}

// parseRepository parses the item of a repository.
func parseRepository(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Repository, error) {
	r := &Repository{}
	if err := parseConfig(desc, m, data, &r.Repository); err != nil {
		return nil, err
	}
	return r, validateParsed(desc, r)
}

// checkRepositories refuses an image of a repository that the bundle does not have, and a repository in which a charm has an image, too.
func (h *Head) checkRepositories() error {
	if len(h.Repositories) == 0 {
		return nil
	}
	ofCharms := make(map[string]bool)
	for _, i := range h.charmImages() {
		ofCharms[i.Repository()] = true
	}
	here := make(map[string]bool, len(h.Images))
	for _, m := range h.Images {
		here[m.Digest.String()] = true
	}
	for _, r := range h.Repositories {
		if ofCharms[r.Name] {
			return corrupt("%s: a charm has an image in this repository, too", r.itemName())
		}
		for _, i := range r.Images {
			if !here[i.Digest] {
				return corrupt("%s: the bundle lacks its image %s", r.itemName(), i.Digest)
			}
		}
	}
	return nil
}

// repositoryImages returns the images of all repositories.
func (h *Head) repositoryImages() (all []*charm.Image) {
	for _, r := range h.Repositories {
		list := r.Referred()
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}
