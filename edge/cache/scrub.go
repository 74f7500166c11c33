package cache

import (
	"context"
	"errors"

	"offlinestore/blob"
)

// Scrub reads all files, and removes the ones that do not have their digests. It calls damaged for each of them.
func (c *Cache) Scrub(ctx context.Context, damaged func(Entry, error)) error {
	if c.dir == nil {
		return nil
	}
	all, _, err := c.records.list()
	if err != nil {
		return err
	}
	for _, r := range all {
		err := c.scrub(ctx, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, blob.ErrNotFound) {
			continue // removed meanwhile
		}
		if err == nil {
			continue
		}
		damaged(r.entry(), err)
		if err := c.discard(r); err != nil {
			return err
		}
	}
	return nil
}

// scrub verifies both digests of a file.
func (c *Cache) scrub(ctx context.Context, r storedRecord) error {
	content, err := c.dir.OpenSized(r.SHA256, r.Size)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	all := blob.NewFollowers()
	all.Tell(r.Size)
	all.End()
	h := hash(ctx, content, all, algorithmsOf(r.Digest)...)
	if err := h.wait(); err != nil {
		return err
	}
	if err := h.sums[0].Verify(blob.SHA256, r.SHA256.Encoded()); err != nil {
		return &DigestError{r.Name, err}
	}
	if err := h.verify(File{Digest: r.Digest, Name: r.Name}); err != nil {
		return err
	}
	c.setVerified(r.Digest, info)
	return nil
}
