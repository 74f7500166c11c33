package exporter

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

// maxVersion bounds the version of a charm, which is only for people to read.
const maxVersion = 1000

// validate reports metadata of the store that a bundle could not hold, before anything is downloaded.
func (c *Charm) validate() error {
	d := &bundle.Builder{}
	if err := d.AddCharm(c.item()); err != nil {
		return c.answerError(err)
	}
	for _, r := range c.Revisions {
		if n := len(r.Revision.Version); n > maxVersion {
			return c.answerError(fmt.Errorf("revision %d: its version has %d bytes, over the limit of %d", r.Revision.Number, n, maxVersion))
		}
	}
	for _, r := range c.Resources {
		it := &bundle.CharmResource{ResourceItem: r.ResourceItem}
		if r.HasBlob() {
			it.Blob = &bundle.File{Digest: digest.NewDigestFromEncoded(digest.SHA256, r.upstream.SHA256), Size: r.upstream.Size}
		}
		if err := d.AddCharmResource(it); err != nil {
			return c.answerError(err)
		}
	}
	return nil
}

func (c *Charm) answerError(err error) error {
	return storeError("the store's answer about %s: %w", c.Listing.Name, err)
}
