package exporter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/upstream"
)

// Limits of referrers, such as signatures of images.
const (
	maxReferrers         = 200     // of one image, directly or through others
	maxReferrerManifests = 8 << 20 // bytes of the manifests of all
	referrersOnce        = 4       // manifests about which a registry is asked at once
)

// tagEndings returns the endings of the tags under which cosign keeps signatures, attestations and lists of parts.
func tagEndings() []string { return []string{".sig", ".att", ".sbom"} }

// referrer is a manifest that refers to a part of an image, such as a signature, with all below it.
type referrer struct {
	subject digest.Digest
	// tag is the tag by which tools find it; it is empty if the manifest names its subject.
	tag       string
	manifests []*bundle.ImageManifest // the first is the manifest itself
	blobs     []cachedBlob
	source    source

	mu  sync.Mutex
	err error // the reason why it can't be exported
}

// fail records that a part of a referrer could not be fetched.
func (r *referrer) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// referrerWalk finds the referrers of one image.
type referrerWalk struct {
	ctx  context.Context
	repo *upstream.Repository
	p    *imagePlanner
	// mu guards skipped, which is the reason why a referrer was left out.
	mu      sync.Mutex
	skipped error
}

// planReferrers asks the registries for the referrers of all images, within one short time: an export can do without them. Each registry
// is asked beside the others, so that one without an answer costs no signatures of the others.
func (p *imagePlanner) planReferrers() error {
	byHost := make(map[string][]*image)
	add := func(img *image) { byHost[img.repo.Host()] = append(byHost[img.repo.Host()], img) }
	for _, c := range p.plan.Charms {
		if !p.plan.Request.Charms.NoReferrers {
			c.eachImage(func(img *image, _ *charm.Image) { add(img) })
		}
	}
	for _, r := range p.plan.Repositories {
		for _, img := range r.Images {
			if !img.request.NoReferrers {
				add(img.image)
			}
		}
	}
	short, cancel := p.e.optionalContext(p.ctx, 0)
	defer cancel()
	var g errgroup.Group
	for _, images := range byHost {
		g.Go(func() error {
			return parallel(images, func(img *image) error { return p.listReferrers(short, img) })
		})
	}
	return g.Wait()
}

// listReferrers asks a registry for the referrers of img. Each request is sent once, and a registry that gives no answer is not asked
// again. listReferrers records in img that some are missing. It returns an error only if the export is cancelled.
func (p *imagePlanner) listReferrers(short context.Context, img *image) error {
	host := img.repo.Host()
	if err, ok := p.silent.Load(host); ok {
		img.unfetched, _ = err.(error)
		return nil
	}
	w := &referrerWalk{ctx: short, repo: img.repo.Once(), p: p}
	var err error
	img.referrers, err = w.list(img.manifests)
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if err != nil && (errors.Is(err, upstream.ErrUnavailable) || short.Err() != nil) {
		p.silent.Store(host, err)
	}
	if img.unfetched = err; err == nil {
		img.unfetched = w.skipped
	}
	return nil
}

// list returns the referrers of manifests, and their own referrers. Each comes after its subject.
func (w *referrerWalk) list(manifests []*bundle.ImageManifest) (all []*referrer, err error) {
	seen := make(map[digest.Digest]bool)
	for len(manifests) > 0 {
		found := make([][]*referrer, len(manifests))
		var g errgroup.Group
		g.SetLimit(referrersOnce)
		for i, m := range manifests {
			seen[m.Digest] = true
			g.Go(func() (err error) {
				found[i], err = w.referrersOf(m.Digest)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return all, err
		}
		manifests = nil
		for _, list := range found {
			for _, r := range list {
				if d := r.manifests[0].Digest; seen[d] && r.tag == "" {
					continue
				}
				if all = append(all, r); len(all) > maxReferrers {
					return nil, fmt.Errorf("more than %d manifests refer to it", maxReferrers)
				}
				for _, m := range r.manifests {
					if !seen[m.Digest] {
						seen[m.Digest], manifests = true, append(manifests, m)
					}
				}
			}
		}
	}
	return all, nil
}

// referrersOf returns the referrers of one manifest.
func (w *referrerWalk) referrersOf(subject digest.Digest) (out []*referrer, err error) {
	list, err := w.repo.Referrers(w.ctx, subject)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		r, err := w.fetch(d.Digest.String(), &d)
		if err == nil && r.manifests[0].Subject != subject {
			err = fmt.Errorf("manifest %s does not refer to %s, although the registry lists it there", d.Digest, subject)
		}
		if err == nil {
			r.subject = subject
			out = append(out, r)
		} else if err := w.skip(err); err != nil {
			return nil, err
		}
	}
	for _, ending := range tagEndings() {
		tag := upstream.ReferrersTag(subject) + ending
		r, err := w.fetch(tag, nil)
		if errors.Is(err, upstream.ErrNotFound) {
			continue
		}
		if err == nil {
			r.subject, r.tag = subject, tag
			out = append(out, r)
		} else if err := w.skip(err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// skip records an error about one referrer, which is left out. It returns the error if the registry gives no answer.
func (w *referrerWalk) skip(err error) error {
	if w.ctx.Err() != nil || errors.Is(err, upstream.ErrUnavailable) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.skipped == nil {
		w.skipped = err
	}
	return nil
}

// fetch fetches the manifest that ref names, a digest or a tag, and all manifests below it. listed is its description in the list of
// referrers, or nil for a tag.
func (w *referrerWalk) fetch(ref string, listed *ocispec.Descriptor) (*referrer, error) {
	walk := &imageWalk{ctx: w.ctx, repo: w.repo, left: &w.p.referrerManifests, seen: make(map[digest.Digest]ocispec.Descriptor), sizes: make(map[digest.Digest]int64)}
	if err := walk.addManifest(ref, listed, 0); err != nil {
		return nil, err
	}
	return &referrer{manifests: walk.manifests, blobs: walk.cachedBlobs(), source: w.repo.Fetch}, nil
}

// eachImage calls fn with each image of the plan, and with its description in the bundle.
func (c *Charm) eachImage(fn func(*image, *charm.Image)) {
	for _, r := range c.Revisions {
		for i, im := range r.images {
			fn(im, &r.Images[i])
		}
	}
	for _, r := range c.Resources {
		if r.image != nil {
			fn(r.image, r.Image)
		}
	}
}

// listReferrers adds the blobs of the referrers of a charm's images to the list.
func (c *Charm) listReferrers(l *fetchList) {
	what := &announcement{what: "signatures and attestations of images for " + c.Listing.Name}
	c.eachImage(func(im *image, _ *charm.Image) { im.listReferrers(l, what) })
}

// listReferrers adds the blobs of the referrers of an image to the list.
func (img *image) listReferrers(l *fetchList, what *announcement) {
	for _, ref := range img.referrers {
		for i := range ref.blobs {
			b := &ref.blobs[i]
			l.addOptional(&fetchItem{
				name: fmt.Sprintf("image %s: layer %.12s of %s", img.name, b.SHA256, ref.manifests[0].Digest), announcement: what,
				remoteBlob: b.remoteBlob, source: ref.source, optional: []func(error){ref.fail},
			}, b)
		}
	}
}

// dropReferrers leaves out referrers of images that could not be fetched, and their own referrers.
func (p *Plan) dropReferrers() {
	for _, c := range p.Charms {
		c.eachImage(func(im *image, described *charm.Image) {
			if err := im.dropReferrers(); err != nil {
				p.addUnfetched(PartReferrer, c.Listing.Name, err)
			}
			described.Tags = im.tags()
		})
	}
	for _, r := range p.Repositories {
		for _, img := range r.Images {
			if err := img.image.dropReferrers(); err != nil {
				p.addUnfetched(PartReferrer, r.Name, err)
			}
		}
	}
}

// dropReferrers returns the reason why a referrer of the image is missing, or nil.
func (img *image) dropReferrers() error {
	here := make(map[digest.Digest]bool)
	keep := func(manifests []*bundle.ImageManifest) {
		for _, m := range manifests {
			here[m.Digest] = true
		}
	}
	keep(img.manifests)
	all := img.referrers
	img.referrers = nil
	for _, r := range all {
		switch {
		case r.err != nil && img.unfetched == nil:
			img.unfetched = r.err
		case r.err == nil && here[r.subject]:
			img.referrers = append(img.referrers, r)
			keep(r.manifests)
		}
	}
	return img.unfetched
}

// tags returns the further tags of an image, or nil if there are none.
func (img *image) tags() map[string]string {
	var tags map[string]string
	for _, r := range img.referrers {
		if r.tag == "" {
			continue
		}
		if tags == nil {
			tags = make(map[string]string)
		}
		tags[r.tag] = r.manifests[0].Digest.String()
	}
	return tags
}
