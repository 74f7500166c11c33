package registry

import (
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/catalog"
)

// image copies an image. Registries demand the children of an index before it, and the blobs of a manifest before it.
func (c *copier) image(ctx context.Context, image PlannedImage) error {
	repo := c.registry.Repo(image.reference.repository)
	c.counted = make(map[digest.Digest]bool)
	for _, m := range c.plan.images.below(image.Digest, math.MaxInt) {
		if err := c.manifest(ctx, repo, m); err != nil {
			var refused *transport.Error
			if m.Digest == image.Digest && len(image.Missing) > 0 && errors.As(err, &refused) {
				err = &SparseError{c.registry.Name(), image.Name, image.Missing, err}
			}
			return err
		}
	}
	if err := c.referrers(ctx, repo, image); err != nil {
		return err
	}
	if image.reference.tag == "" {
		return nil
	}
	return c.tag(ctx, repo.Tag(image.reference.tag), image.Digest)
}

// referrers copies what refers to an image.
func (c *copier) referrers(ctx context.Context, repo name.Repository, image PlannedImage) error {
	for _, root := range image.referrers {
		for _, m := range c.plan.images.below(root, math.MaxInt) {
			if err := c.manifest(ctx, repo, m); err != nil {
				return err
			}
		}
	}
	for _, t := range image.tags {
		if err := c.tag(ctx, repo.Tag(t.Tag), t.Digest); err != nil {
			return err
		}
	}
	return nil
}

// tag gives a manifest that the registry has a tag.
func (c *copier) tag(ctx context.Context, tag name.Tag, d digest.Digest) error {
	raw, err := c.plan.read(ctx, c.plan.images[d])
	if err != nil {
		return err
	}
	return c.pusher.Push(ctx, tag, rawManifest{raw, c.plan.images[d].MediaType})
}

// manifest copies a manifest and its blobs. If the registry has the manifest, it has the blobs too.
func (c *copier) manifest(ctx context.Context, repo name.Repository, m *catalog.Image) error {
	ref := repo.Digest(m.Digest.String())
	_, err := c.puller.Head(ctx, ref)
	if err == nil {
		for _, b := range m.Blobs {
			c.done(b, repo, 0)
		}
		return nil
	}
	if !isMissing(err) {
		return err
	}
	if err := c.blobs(ctx, repo, m.Blobs); err != nil {
		return err
	}
	raw, err := c.plan.read(ctx, m)
	if err != nil {
		return err
	}
	return c.pusher.Push(ctx, ref, rawManifest{raw, m.MediaType})
}

func isMissing(err error) bool {
	var refused *transport.Error
	return errors.As(err, &refused) && (refused.StatusCode == http.StatusNotFound || refused.StatusCode == http.StatusForbidden)
}

func (c *copier) blobs(ctx context.Context, repo name.Repository, blobs []catalog.ImageBlob) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.cfg.Jobs)
	var layers []*layer
	begun := make(map[digest.Digest]bool) // a manifest may list a layer twice
	for _, b := range blobs {
		if c.counted[b.Digest] || begun[b.Digest] {
			continue
		}
		begun[b.Digest] = true
		l := &layer{ctx: ctx, ImageBlob: b, blobs: c.plan.blobs, progress: c.progress}
		layers = append(layers, l)
		g.Go(func() error { return c.pusher.Upload(ctx, repo, c.mountable(repo, l)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, l := range layers {
		c.done(l.ImageBlob, repo, l.sent())
	}
	return nil
}

func (c *copier) progress(n int64) {
	if c.cfg.Progress != nil {
		c.cfg.Progress(n)
	}
}

// done counts a blob that the registry has now, and the bytes of it that we sent.
func (c *copier) done(b catalog.ImageBlob, repo name.Repository, sent int64) {
	c.where[b.Digest] = repo
	if c.counted[b.Digest] {
		return
	}
	c.counted[b.Digest] = true
	c.report.Sent += sent
	if sent == 0 {
		c.report.Present += b.Size
	}
	c.progress(b.Size - sent)
}
