package bundle

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
)

// WriteNewLayout makes a layout in a folder, which must be empty, or have the remains of an interrupted WriteNewLayout. open is called for
// the blobs in their order.
func (s *SignedBundle) WriteNewLayout(ctx context.Context, dir string, open Opener, progress func(int64)) error {
	planned := make(map[string]bool)
	for _, d := range s.tree.payload {
		planned[blobName(d.Digest)] = true
	}
	end, err := beginFolder(ctx, dir, planned)
	if err != nil {
		return fmt.Errorf("write layout %s: %w", dir, err)
	}
	return end(s.fillLayout(ctx, dir, open, progress))
}

// fillLayout writes the files of a new layout.
func (s *SignedBundle) fillLayout(ctx context.Context, dir string, open Opener, progress func(int64)) error {
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	defer blobs.Close() // it only stages
	if err := stagePayload(ctx, blobs, s.tree.payload, open, progress); err != nil {
		return fmt.Errorf("write layout %s: %w", dir, err)
	}
	hashed := func(digest.Digest) bool { return true }
	return s.WriteLayout(ctx, dir, blobs, nil, hashed)
}

// stagePayload copies the blobs that a layout does not have. Blobs that were copied before an error stay.
func stagePayload(ctx context.Context, blobs *blob.Dir, payload []ocispec.Descriptor, open Opener, progress func(int64)) error {
	batch := blobs.NewBatch()
	err := func() error {
		for _, d := range payload {
			if blobs.Has(d.Digest) && blobs.VerifyBlob(ctx, d.Digest) == nil {
				if progress != nil {
					progress(d.Size)
				}
				continue
			}
			if err := stageBlob(ctx, blobs, batch, d, open, progress); err != nil {
				return fmt.Errorf("%s: %w", d.Annotations[ocispec.AnnotationTitle], err)
			}
			if batch.Len() >= 32 {
				if err := batch.Sync(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	return errors.Join(err, batch.Sync(ctx))
}

// stageBlob copies a blob.
func stageBlob(ctx context.Context, blobs *blob.Dir, batch *blob.Batch, d ocispec.Descriptor, open Opener, progress func(int64)) error {
	from, err := open(d.Digest)
	if err != nil {
		return err
	}
	defer from.Close()
	st, err := blobs.Stage(d.Size)
	if err != nil {
		return err
	}
	if err := copyBlob(ctx, st, from, d, progress); err != nil {
		return errors.Join(err, st.Discard())
	}
	batch.AddBlob(st, d.Digest)
	return nil
}
