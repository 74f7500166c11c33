package offline

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/importer"
)

// bundleName is the name of the import in the history.
const bundleName = "cache"

// Result has the changes of the catalogue.
type Result struct {
	// Report is nil if there was nothing to import.
	Report *catalog.Report
	// Overrides became overrides of the catalogue, and Left are the ones whose revision is not here.
	Overrides, Left []catalog.Override
}

// Take imports the kept revisions, all of them at once, and takes over the overrides. By names the operator. Prepare has fetched the icons.
func (s *Step) Take(ctx context.Context, by string, progress func(int64)) (*Result, error) {
	release, err := s.in.Lock(ctx, false)
	if err != nil {
		return nil, err
	}
	defer release()
	done := &Result{}
	if s.plan != nil {
		if err := s.in.Blobs.Prepare(ctx); err != nil {
			return nil, err
		}
		if done.Report, err = s.importPlan(ctx, by, progress); err != nil {
			return nil, fmt.Errorf("import from the cache: %w", err)
		}
	}
	done.Overrides, done.Left, err = s.in.Catalog.AdoptEdgeOverrides(ctx, by)
	return done, err
}

// Size returns the number of bytes that Take reads.
func (s *Step) Size() int64 {
	if s.plan == nil {
		return 0
	}
	return s.plan.Size()
}

// importPlan makes a bundle of the plan and imports it, as a push does. Its files are not copied: both folders have the same ones.
func (s *Step) importPlan(ctx context.Context, by string, progress func(int64)) (*catalog.Report, error) {
	sealed, key, err := s.seal(ctx)
	if err != nil {
		return nil, err
	}
	for _, desc := range sealed.Payload() {
		if s.store.Blobs != nil && s.store.Blobs.Has(desc.Digest) {
			if err := s.in.Blobs.Adopt(ctx, s.store.Blobs, desc.Digest); err != nil {
				return nil, err
			}
		}
	}
	im := &importer.Importer{Store: s.in.Catalog, Blobs: s.in.Blobs, Hasher: blob.NewHasher(0), Signers: []bundle.PublicKey{key}, Trust: s.exporter.Trust,
		Now: time.Now, By: by}
	defer im.Hasher.Close()
	verified, err := s.verify(ctx, im, sealed, progress)
	if err != nil {
		return nil, err
	}
	return im.Apply(ctx, verified)
}

// seal makes the bundle. Nobody keeps the key that signs it: it proves that the bundle is the one that this process made.
func (s *Step) seal(ctx context.Context) (*bundle.SignedBundle, bundle.PublicKey, error) {
	builder, err := s.exporter.Builder(exporter.Part{Snaps: s.plan.Snaps, Charms: s.plan.Charms})
	if err != nil {
		return nil, bundle.PublicKey{}, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, bundle.PublicKey{}, err
	}
	key, err := bundle.NewPublicKey(public)
	if err != nil {
		return nil, bundle.PublicKey{}, err
	}
	predicate := bundle.Predicate{Created: time.Now().UTC().Truncate(time.Second), Exporter: "this store", Program: "snap-store-proxy " + cli.Version()}
	for _, one := range s.plan.Snaps {
		predicate.Request.Snaps = append(predicate.Request.Snaps, one.Listing.Name)
	}
	for _, one := range s.plan.Charms {
		predicate.Request.Charms = append(predicate.Request.Charms, one.Listing.Name)
	}
	sealed, err := builder.Seal(ctx, predicate, private)
	return sealed, key, err
}

// verify reads the whole bundle, and verifies each byte of it, while it is written.
func (s *Step) verify(ctx context.Context, im *importer.Importer, sealed *bundle.SignedBundle, progress func(int64)) (*importer.Verified, error) {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := sealed.WriteTar(ctx, w, bundle.None, func(dg digest.Digest) (io.ReadCloser, error) {
			content, _, err := s.in.Blobs.Open(ctx, dg)
			return content, err
		}, nil)
		w.CloseWithError(err)
		written <- err
	}()
	verified, err := read(ctx, im, r, progress)
	r.CloseWithError(errors.New("the import has ended")) // ends the writer
	if werr := <-written; err != nil && werr != nil && !errors.Is(err, werr) {
		err = errors.Join(werr, err)
	}
	return verified, err
}

func read(ctx context.Context, im *importer.Importer, from io.Reader, progress func(int64)) (*importer.Verified, error) {
	r, err := bundle.NewReader(bundleName, from)
	if err != nil {
		return nil, err
	}
	opened, err := im.Open(ctx, bundleName, r)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	staging, err := im.Verify(ctx, opened, progress)
	if err != nil {
		return nil, err
	}
	return staging.Wait()
}
