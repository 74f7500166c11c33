package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
)

// WriteLayout makes dir the bundle's layout. Each blob of the payload must be in blobs, which is the layout's own folder of
// blobs, or in incoming, a directory on the same file system, from which it is moved. incoming may be nil. All blobs are verified
// before the layout is touched, except those for which hashed returns true: this process has just hashed them while it wrote them
// to the disk. hashed may be nil. index.json is replaced last, so that the layout holds either its earlier bundle or this one.
// Blobs that this bundle does not name are removed afterwards.
func (s *SignedBundle) WriteLayout(ctx context.Context, dir string, blobs, incoming *blob.Dir, hashed func(digest.Digest) bool) error {
	keep := make(map[digest.Digest]bool)
	var move []digest.Digest
	verify := make(map[digest.Digest]*blob.Dir)
	for _, d := range s.tree.payload {
		from := blobs
		if incoming != nil && incoming.Has(d.Digest) {
			from, move = incoming, append(move, d.Digest)
		}
		if n, err := from.Stat(d.Digest); err != nil || n != d.Size {
			return fmt.Errorf("write layout %s: %s is not in it", dir, d.Annotations[ocispec.AnnotationTitle])
		}
		if hashed == nil || !hashed(d.Digest) {
			verify[d.Digest] = from
		}
		keep[d.Digest] = true
	}
	if err := verifyAll(ctx, verify); err != nil {
		return fmt.Errorf("write layout %s: %w", dir, err)
	}
	batch := blobs.NewBatch()
	for _, l := range s.small() {
		keep[l.Descriptor.Digest] = true
		if err := stage(ctx, blobs, batch, l); err != nil {
			return errors.Join(fmt.Errorf("write layout %s: %w", dir, err), batch.Discard())
		}
	}
	if err := errors.Join(batch.Sync(ctx), blobs.TakeBlobs(incoming, move...)); err != nil {
		return fmt.Errorf("write layout %s: %w", dir, err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{layoutFile, layoutContent}, {indexFile, s.top.index}} {
		if err := blob.WriteFile(filepath.Join(dir, f.name), f.data, blob.WriteOptions{Mode: 0o644}); err != nil {
			return fmt.Errorf("write layout: %w", err)
		}
	}
	return removeOthers(blobs, keep)
}

// verifyAll reads and hashes blobs, in parallel on all processors.
func verifyAll(ctx context.Context, blobs map[digest.Digest]*blob.Dir) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for d, dir := range blobs {
		g.Go(func() error { return dir.VerifyBlob(ctx, d) })
	}
	return g.Wait()
}

// stage writes a blob of the head unless the layout has it.
func stage(ctx context.Context, blobs *blob.Dir, batch *blob.Batch, l Layer) error {
	if blobs.VerifyBlob(ctx, l.Descriptor.Digest) == nil {
		return nil
	}
	st, err := blobs.Stage(l.Descriptor.Size)
	if err != nil {
		return err
	}
	if _, err := st.Write(l.Data); err != nil {
		return errors.Join(err, st.Discard())
	}
	batch.AddBlob(st, l.Descriptor.Digest)
	if batch.Len() >= 64 {
		return batch.Sync(ctx)
	}
	return nil
}

// removeOthers removes the blobs that only earlier bundles in the layout need.
func removeOthers(blobs *blob.Dir, keep map[digest.Digest]bool) error {
	var old []digest.Digest
	err := blobs.List(func(i blob.Info) error {
		if !keep[i.Digest] {
			old = append(old, i.Digest)
		}
		return nil
	})
	for _, d := range old {
		if rerr := blobs.Remove(d); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	if err != nil {
		return fmt.Errorf("tidy the layout: %w", err)
	}
	return nil
}
