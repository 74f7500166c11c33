package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/upstream"
)

// Limits of one image. Real ones have an index, about five manifests and as many attestations, of a few kilobytes each.
const (
	maxImageDepth     = 4
	maxImageManifests = 1000
)

// maxManifests bounds the bytes of the manifests of all images together. They are kept in memory, and a bundle accepts no more.
const maxManifests = bundle.MaxHeadSize

// ImageError names the image that can't be fetched, and the resource that needs it.
type ImageError struct {
	Charm, Resource string
	Revision        int
	// Image is its location upstream, or empty if that isn't known.
	Image string
	Err   error
}

func (e *ImageError) Error() string {
	at := ""
	if e.Image != "" {
		at = "image " + e.Image + ": "
	}
	return fmt.Sprintf("%s: resource %s revision %d: %s%v", e.Charm, e.Resource, e.Revision, at, e.Err)
}

func (e *ImageError) Unwrap() error { return e.Err }

// planImages finds the location of each resource that is an image and, unless images are left out, its manifests and blobs.
func (p *charmPlanner) planImages() error {
	var all []*CharmResource
	for _, c := range p.plan.Charms {
		for _, r := range c.Resources {
			if r.Resource.Type == charm.ResourceImage {
				all = append(all, r)
			}
		}
	}
	failed := make([]error, len(all))
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(questionsAtOnce)
	for i, r := range all {
		g.Go(func() error {
			err := p.planImage(ctx, r)
			if err == nil || ctx.Err() != nil || r.mapped == "" {
				return charmError(r.Charm, err)
			}
			failed[i] = err
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, r := range all {
		if r.mapped != "" {
			p.plan.Overrides = append(p.plan.Overrides, r.Resource.Name)
		}
		if failed[i] != nil {
			// The operator has mapped it to another registry, and may have copied it there.
			p.warn("%s is left to the registry inside: %v", r.mapped, failed[i])
		}
	}
	return nil
}

// planImage fills in r.Image and r.image.
func (p *charmPlanner) planImage(ctx context.Context, r *CharmResource) error {
	r.Image = &charm.Image{Name: r.mapped}
	if r.upstream.Size == 0 {
		return nil // never uploaded, and mapped
	}
	ref, username, password, err := p.imageBlob(ctx, r)
	if err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, "", err}}
	}
	host, name, dgst, err := charm.SplitReference(ref)
	if err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, "", err}}
	}
	r.Image.Source = host + "/" + name
	r.Image.Digest = dgst
	if r.mapped == "" {
		r.Image.Name = name
	} else if _, at, ok := strings.Cut(r.mapped, "@"); ok && at != dgst {
		r.Image.Digest = at // another image, which the operator provides
		return nil
	}
	if p.req.NoImages {
		return nil
	}
	archs := p.imageArchitectures(p.charms[r.Charm])
	if r.mapped != "" {
		r.image, err = p.listOptional(ctx, ref, username, password, archs)
	} else {
		r.image, err = p.listImage(ctx, ref, username, password, archs)
	}
	if err != nil {
		return &StoreError{&ImageError{r.Charm, r.Resource.Name, r.Resource.Revision, r.Image.Source, err}}
	}
	r.Image.Digest = r.image.manifests[0].Digest.String()
	if r.mapped == "" {
		r.Image.Name = r.Image.Repository() + "@" + r.Image.Digest
	}
	r.image.name = r.Image.Repository()
	return nil
}

// imageBlob fetches the blob that holds the location of a resource's image. It never goes into the bundle, because it holds credentials.
func (p *charmPlanner) imageBlob(ctx context.Context, r *CharmResource) (ref, username, password string, err error) {
	data, err := p.fetchSmall(ctx, "where it is", r.upstream, charm.MaxImageBlob)
	if err != nil {
		return "", "", "", err
	}
	return charm.ParseImageBlob(data)
}

// fetchSmall fetches a blob that planning needs, and verifies it.
func (p *charmPlanner) fetchSmall(ctx context.Context, name string, a remoteBlob, limit int64) ([]byte, error) {
	if a.Size > limit {
		return nil, fmt.Errorf("%s: %d bytes are over the limit of %d", name, a.Size, limit)
	}
	var b bytes.Buffer
	restart := func() error { b.Reset(); return nil }
	if err := p.e.Charmhub.Fetch(ctx, upstream.Blob{Name: name, URL: a.URL, Size: a.Size, Restart: restart}, &b); err != nil {
		return nil, err
	}
	sums := newSums(&a)
	sums.Write(b.Bytes())
	if err := a.verifySums(sums); err != nil {
		return nil, fmt.Errorf("download %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// listOptional asks for an image that the export can do without. It does not wait long for a registry that gives no answer, and then does not
// ask it again.
func (p *imagePlanner) listOptional(ctx context.Context, ref, username, password string, archs []string) (*image, error) {
	host, _, _ := strings.Cut(ref, "/")
	if err, ok := p.silent.Load(host); ok {
		return nil, fmt.Errorf("its registry gives no answer: %w", err.(error))
	}
	short, cancel := p.e.optionalContext(ctx, 0)
	defer cancel()
	im, err := p.listImage(short, ref, username, password, archs)
	if err != nil && (errors.Is(err, upstream.ErrUnavailable) || short.Err() != nil) && ctx.Err() == nil {
		p.silent.Store(host, err)
	}
	return im, err
}

// listImage asks a registry for the manifests and blobs of an image.
func (p *imagePlanner) listImage(ctx context.Context, ref, username, password string, archs []string) (*image, error) {
	repo, err := upstream.OpenRepository(ctx, p.e.Registry, ref, username, password)
	if err != nil {
		return nil, err
	}
	return p.walkImage(ctx, repo, archs)
}

// walkImage asks for the manifests and blobs of the image that a repository was opened for.
func (p *imagePlanner) walkImage(ctx context.Context, repo *upstream.Repository, archs []string) (*image, error) {
	w := &imageWalk{ctx: ctx, repo: repo, archs: archs, left: &p.manifests, seen: make(map[digest.Digest]ocispec.Descriptor), sizes: make(map[digest.Digest]int64)}
	if p.plan.Request.KeepGoing {
		w.leave = func(d ocispec.Descriptor, err error) { p.leaveOut(describeChild(repo, d), err) }
	}
	if err := w.addManifest(repo.Reference(), nil, 0); err != nil {
		return nil, err
	}
	return &image{manifests: w.manifests, blobs: w.cachedBlobs(), source: repo.Fetch, repo: repo}, nil
}
