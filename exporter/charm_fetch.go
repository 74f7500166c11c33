package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/charm/snaphint"
)

// readArchives reads each archive's own metadata, because the store's metadata may differ from the files that Juju will find.
func (e *Exporter) readArchives(ctx context.Context, p *Plan) error {
	p.Hints = nil
	for _, c := range p.Charms {
		for _, r := range c.Revisions {
			if err := e.readOrRefetch(ctx, c, r); err != nil {
				return charmError(r.Name, fmt.Errorf("%s revision %d: %w", r.Name, r.Revision.Number, err))
			}
			for _, s := range r.Snaps {
				p.Hints = append(p.Hints, Hint{r.Name, r.Revision.Number, s})
			}
		}
	}
	return nil
}

// readOrRefetch reads a verified archive. If the cached file is damaged or gone, it is downloaded again, once. Otherwise metadata from a
// damaged file would be in the bundle beside the blob with the right digest.
func (e *Exporter) readOrRefetch(ctx context.Context, c *Charm, r *CharmRevision) error {
	err := e.readVerified(ctx, c, r)
	if corrupt := (*blob.CorruptError)(nil); !errors.As(err, &corrupt) && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	e.Progress.Warn(fmt.Sprintf("%s revision %d: %v; downloading it again", r.Name, r.Revision.Number, err))
	if err := e.Cache.drop(r.blob.digest); err != nil {
		return err
	}
	l := &fetchList{seen: make(map[string]*fetchItem)}
	e.listCharm(l, c)
	w := l.seen[r.blob.key()]
	e.Progress.Add(-w.Size) // fetchBlob counts it again
	if err := e.fetchBlob(ctx, w); err != nil {
		return err
	}
	return e.readVerified(ctx, c, r)
}

func (e *Exporter) readVerified(ctx context.Context, c *Charm, r *CharmRevision) error {
	if err := e.Cache.verifyBlob(ctx, r.blob.digest); err != nil {
		return err
	}
	f, err := e.Cache.openBlob(r.blob.digest)
	if err != nil {
		return err
	}
	defer f.Close()
	faults, err := readArchive(ctx, f, c, r)
	if err != nil {
		return &StoreError{err}
	}
	for _, fault := range faults {
		if text := fmt.Sprintf("%s revision %d: %s", r.Name, r.Revision.Number, fault); !slices.Contains(c.faults, text) {
			c.faults = append(c.faults, text) // Fetch is called again after AddSnaps
			e.Progress.Warn(text)
		}
	}
	return nil
}

// readArchive fills in the metadata of a revision from its archive. It also returns the faults that Juju overlooks.
func readArchive(ctx context.Context, f io.ReaderAt, c *Charm, r *CharmRevision) (faults []string, err error) {
	r.Revision.Download = charm.Download{SHA256: r.blob.digest.Encoded(), SHA384: r.blob.SHA384, Size: r.blob.Size}
	if r.Type == charm.TypeBundle {
		return nil, r.readBundle(f)
	}
	a, err := charm.OpenArchive(f, r.blob.Size)
	if err != nil {
		return nil, err
	}
	if a.Metadata.Name != r.Name {
		return nil, fmt.Errorf("its metadata.yaml is of %s", a.Metadata.Name)
	}
	rev := &r.Revision
	rev.MetadataYAML, rev.ConfigYAML, rev.ActionsYAML = a.MetadataYAML, orNone(a.ConfigYAML), orNone(a.ActionsYAML)
	rev.Subordinate = a.Metadata.Subordinate
	bases := a.ConcreteBases(c.archs)
	if len(bases) == 0 {
		bases = r.bases
	}
	rev.Bases = nil
	for _, b := range bases {
		if b.Validate() == nil && !slices.ContainsFunc(rev.Bases, func(have *charm.Base) bool { return *have == b }) {
			rev.Bases = append(rev.Bases, &b)
		}
	}
	r.Snaps, err = snaphint.Find(ctx, f, r.blob.Size)
	return a.Faults, err
}

func (r *CharmRevision) readBundle(f io.ReaderAt) error {
	a, err := charm.OpenBundleArchive(f, r.blob.Size)
	if err != nil {
		return err
	}
	r.Revision.BundleYAML, r.Revision.ReadmeMD = a.BundleYAML, a.ReadmeMD
	r.Revision.MetadataYAML = ""
	r.Revision.Bases = []*charm.Base{}
	return nil
}

// orNone returns text, or Charmhub's text for a missing file.
func orNone(text string) string {
	if text == "" {
		return "{}\n"
	}
	return text
}

// item returns the charm as a bundle holds it.
func (c *Charm) item() *bundle.Charm {
	return &bundle.Charm{Listing: c.Listing, Assertions: c.assertions, Icon: c.icon}
}

// addCharm adds a charm with its revisions, resources and images to a head.
func addCharm(h *bundle.Head, c *Charm) {
	h.Charms = append(h.Charms, c.item())
	for _, r := range c.Revisions {
		h.CharmRevisions = append(h.CharmRevisions, &bundle.CharmRevision{Item: r.Item, Blob: bundle.File{Digest: r.blob.digest, Size: r.blob.Size}})
	}
	for _, r := range c.Resources {
		it := &bundle.CharmResource{ResourceItem: r.ResourceItem}
		if r.HasBlob() {
			it.Blob = &bundle.File{Digest: r.blob.digest, Size: r.blob.Size}
		}
		h.CharmResources = append(h.CharmResources, it)
	}
	c.eachImage(func(im *image, _ *charm.Image) {
		h.Images = append(h.Images, im.manifests...)
		for _, ref := range im.referrers {
			h.Images = append(h.Images, ref.manifests...)
		}
	})
}

// verifyBlob hashes a blob unless this process has already hashed it.
func (c *Cache) verifyBlob(ctx context.Context, d digest.Digest) error {
	if c.Hashed(d) {
		return nil
	}
	err := c.Blobs.VerifyBlob(ctx, d)
	if errors.Is(err, blob.ErrNotFound) && c.Layout != nil {
		err = c.Layout.VerifyBlob(ctx, d)
	}
	return err
}

// openBlob opens a blob of the cache or of the layout.
func (c *Cache) openBlob(d digest.Digest) (*os.File, error) {
	f, err := c.Blobs.OpenBlob(d)
	if err != nil && c.Layout != nil {
		f, err = c.Layout.OpenBlob(d)
	}
	return f, err
}
