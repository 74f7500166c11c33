package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"offlinestore/bundle"
	"offlinestore/charm"
	oci "offlinestore/image"
	"offlinestore/upstream"
)

// ImageRequest asks for an image that belongs to no charm.
type ImageRequest struct {
	// Reference is the name of the image upstream.
	Reference string
	// As is the name that the image gets inside, in the form path or path:tag. If empty, it is the path and the tag upstream.
	As string
	// Architectures are the parts of an image for several platforms to export, or AllArchitectures. They are the ones of the request if empty.
	Architectures []string
	// NoReferrers leaves out what refers to the image.
	NoReferrers bool
}

// AllArchitectures asks for all parts of an image.
const AllArchitectures = "all"

// Validate returns an error if r is no valid request.
func (r *ImageRequest) Validate() error {
	if _, _, err := r.names(); err != nil {
		return err
	}
	for _, a := range r.Architectures {
		if a == AllArchitectures {
			continue
		}
		if err := charm.ValidateArchitecture(a); err != nil {
			return err
		}
	}
	return nil
}

// names returns the name of the image upstream, and the one inside.
func (r *ImageRequest) names() (ref oci.Reference, inside oci.Name, err error) {
	if ref, err = oci.ParseReference(r.Reference); err == nil {
		inside, err = ref.Inside(r.As)
	}
	return ref, inside, err
}

// RegistryLoginError reports a registry that does not give an image to this login, or to nobody without one. Some registries answer so about
// images that they do not have.
type RegistryLoginError struct{ Host string }

// Error names the registry.
func (e *RegistryLoginError) Error() string {
	return "the registry " + e.Host + " has no such image, or none for this login"
}

// Repository is the plan for a repository of images that belong to no charm.
type Repository struct {
	Name string
	// Images are in the order of the request.
	Images []*RepositoryImage
}

// RepositoryImage is the plan for one image of a repository.
type RepositoryImage struct {
	// Source is its name upstream, and Tag its tag inside, which may be empty.
	Source, Tag string
	// Platforms are the parts to export: "linux/amd64".
	Platforms []string
	request   *ImageRequest
	image     *image
}

// Digest returns the digest of the image's index or manifest.
func (i *RepositoryImage) Digest() string { return i.image.manifests[0].Digest.String() }

// Size returns the number of payload bytes of the image, and the number of its manifests and of their referrers.
func (i *RepositoryImage) Size() (size int64, manifests, referrers int) {
	for _, b := range i.image.blobs {
		size += b.Size
	}
	return size, len(i.image.manifests), len(i.image.referrers)
}

// imagePlanner asks registries for images in one call of Plan.
type imagePlanner struct {
	e    *Exporter
	ctx  context.Context
	plan *Plan
	// manifests and referrerManifests are the numbers of bytes that further manifests of images and of their referrers may have.
	manifests, referrerManifests atomic.Int64
	// silent maps the hosts of registries that give no answer about referrers to the errors.
	silent sync.Map
	// leftMu guards the items that the plan leaves out.
	leftMu sync.Mutex
}

func newImagePlanner(ctx context.Context, e *Exporter, plan *Plan) *imagePlanner {
	p := &imagePlanner{e: e, ctx: ctx, plan: plan}
	p.manifests.Store(maxManifests)
	p.referrerManifests.Store(maxReferrerManifests)
	return p
}

// run plans the charms with their images, and the images that belong to no charm.
func (p *imagePlanner) run() error {
	if req := p.plan.Request.Charms; req != nil {
		if err := p.planCharms(req); err != nil {
			return err
		}
	}
	if err := p.planRepositories(); err != nil {
		return err
	}
	return p.planReferrers()
}

// planRepositories plans the images that belong to no charm.
func (p *imagePlanner) planRepositories() error {
	req := &p.plan.Request
	var all []*RepositoryImage
	for i := range req.Images {
		if r := &req.Images[i]; !slices.Contains(req.Without, Item{Image: r.Reference}) {
			all = append(all, &RepositoryImage{request: r})
		}
	}
	if err := parallel(all, func(i *RepositoryImage) error {
		return itemError(Item{Image: i.request.Reference}, p.planRepositoryImage(i))
	}); err != nil {
		return err
	}
	byName := make(map[string]*Repository)
	for _, i := range all {
		_, inside, err := i.request.names()
		if err != nil {
			return err
		}
		r := byName[inside.Path]
		if r == nil {
			r = &Repository{Name: inside.Path}
			byName[r.Name], p.plan.Repositories = r, append(p.plan.Repositories, r)
		}
		r.Images = append(r.Images, i)
	}
	slices.SortFunc(p.plan.Repositories, func(a, b *Repository) int { return cmp.Compare(a.Name, b.Name) })
	return p.validateRepositories()
}

// planRepositoryImage asks a registry for an image.
func (p *imagePlanner) planRepositoryImage(i *RepositoryImage) error {
	ref, inside, err := i.request.names()
	if err != nil {
		return err
	}
	i.Source, i.Tag = ref.String(), inside.Tag
	repo, err := p.e.openImage(p.ctx, ref.Pull())
	if err == nil {
		i.image, err = p.walkImage(p.ctx, repo, p.architecturesOf(i.request))
	}
	if err == nil {
		i.Platforms, err = p.platformsOf(i)
	}
	if errors.Is(err, upstream.ErrCredentials) {
		err = &RegistryLoginError{ref.Host}
	}
	if err != nil {
		return &StoreError{fmt.Errorf("image %s: %w", i.Source, err)}
	}
	i.image.name = inside.Path
	return nil
}

// openImage opens the repository of an image that belongs to no charm, with the login that the operator has for its registry.
func (e *Exporter) openImage(ctx context.Context, ref string) (*upstream.Repository, error) {
	host, _, _ := strings.Cut(ref, "/")
	var username, password string
	if e.Login != nil {
		var err error
		if username, password, err = e.Login(ctx, host); err != nil {
			return nil, err
		}
	}
	return upstream.OpenRepository(ctx, e.Registry, ref, username, password)
}

// architecturesOf returns the architectures of an image to export; nil is all.
func (p *imagePlanner) architecturesOf(r *ImageRequest) []string {
	archs := r.Architectures
	if len(archs) == 0 {
		archs = p.plan.Request.Architectures
	}
	if slices.Contains(archs, AllArchitectures) {
		return nil
	}
	return archs
}

// validateRepositories refuses a tag of two images, and names that belong to images of charms.
func (p *imagePlanner) validateRepositories() error {
	ofCharms := make(map[string]string)
	for _, c := range p.plan.Charms {
		for _, r := range c.Revisions {
			for i := range r.Images {
				ofCharms[r.Images[i].Repository()] = c.Listing.Name
			}
		}
		for _, r := range c.Resources {
			if r.Image != nil {
				ofCharms[r.Image.Repository()] = c.Listing.Name
			}
		}
	}
	for _, r := range p.plan.Repositories {
		if name := ofCharms[r.Name]; name != "" {
			return fmt.Errorf("%w: %s is the repository of an image of the charm %s: give the other image another name inside", ErrConflict, r.Name, name)
		}
		if _, err := r.description(); err != nil {
			return fmt.Errorf("%w: %w", ErrConflict, err)
		}
	}
	return nil
}

// description returns the repository as a bundle holds it.
func (r *Repository) description() (*oci.Repository, error) {
	out := &oci.Repository{Name: r.Name}
	for _, i := range r.Images {
		described := oci.Image{Digest: i.Digest(), Platforms: i.Platforms, Source: i.Source}
		if i.Tag != "" {
			described.Tags = map[string]string{i.Tag: i.Source}
		}
		if err := out.Add(described); err != nil {
			return nil, err
		}
		out.AddFurtherTags(i.image.tags())
	}
	return out, nil
}

// Names returns the names by which clients pull the images.
func (r *Repository) Names() []string {
	described, err := r.description()
	if err != nil {
		return nil // Plan has refused it
	}
	return described.Names()
}

// addTo adds the repository with its manifests to a head.
func (r *Repository) addTo(h *bundle.Head) error {
	described, err := r.description()
	if err != nil {
		return err
	}
	h.Repositories = append(h.Repositories, &bundle.Repository{Repository: *described})
	for _, i := range r.Images {
		h.Images = append(h.Images, i.image.manifests...)
		for _, ref := range i.image.referrers {
			h.Images = append(h.Images, ref.manifests...)
		}
	}
	return nil
}

// eachBlob calls fn with each blob of the payload.
func (r *Repository) eachBlob(fn func(*remoteBlob)) {
	for _, i := range r.Images {
		i.image.eachBlob(fn)
	}
}

// list adds the blobs of the images to the list.
func (r *Repository) list(l *fetchList) {
	for _, i := range r.Images {
		what := &announcement{what: "image " + i.Source}
		for n := range i.image.blobs {
			b := &i.image.blobs[n]
			l.addItem(&fetchItem{name: fmt.Sprintf("image %s: layer %.12s", i.Source, b.SHA256), image: i.request.Reference, announcement: what, remoteBlob: b.remoteBlob, source: i.image.source}, b)
		}
	}
}

// listReferrers adds the blobs of the referrers of the images to the list.
func (r *Repository) listReferrers(l *fetchList) {
	what := &announcement{what: "signatures and attestations of images for " + r.Name}
	for _, i := range r.Images {
		i.image.listReferrers(l, what)
	}
}
