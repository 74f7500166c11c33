package instance

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// DamagedBlob is a blob that differs from the catalogue's record of it, or that is missing.
type DamagedBlob struct {
	catalog.Blob
	// Problem is the damage.
	Problem error
	// MovedTo is its place in the quarantine. It is empty for a missing blob.
	MovedTo string
}

// BlobList is the list of blobs that the catalogue refers to. Its lock keeps gc out until Release.
type BlobList struct {
	in    *Instance
	blobs []catalog.Blob
	// Size is the size of all blobs in bytes.
	Size int64
	// Release lets gc run again.
	Release func()
}

// ListBlobs lists the blobs that the catalogue refers to, and keeps gc from removing any.
func (in *Instance) ListBlobs(ctx context.Context) (*BlobList, error) {
	release, err := in.Catalog.Lock(ctx, false)
	if err != nil {
		return nil, err
	}
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		release()
		return nil, err
	}
	l := &BlobList{in: in, blobs: blobs, Release: release}
	for _, b := range blobs {
		l.Size += b.Size
	}
	return l, nil
}

// Len returns the number of blobs.
func (l *BlobList) Len() int { return len(l.blobs) }

// Verify hashes every blob and takes damaged ones out of service. Progress gets the size of each blob after it was read. The error
// tells of blobs that could not be moved into the quarantine, or of the end of ctx.
func (l *BlobList) Verify(ctx context.Context, progress func(bytes int64)) ([]DamagedBlob, error) {
	bad := l.hash(ctx, progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	// A blob that cannot be moved does not keep the others in service.
	var errs []error
	for i := range bad {
		if errors.Is(bad[i].Problem, blob.ErrNotFound) {
			bad[i].Problem = errors.New("it is missing")
			continue
		}
		var err error
		bad[i].MovedTo, err = l.in.Blobs.Quarantine(bad[i].Digest)
		errs = append(errs, err)
	}
	return bad, errors.Join(errs...)
}

// hash returns the damaged blobs, sorted by digest. Blobs without a recorded SHA3-384 (icons, and the blobs of charms) need only the
// much faster SHA-256.
func (l *BlobList) hash(ctx context.Context, progress func(int64)) []DamagedBlob {
	hasher := blob.NewHasher(0)
	var readers errgroup.Group
	readers.SetLimit(runtime.GOMAXPROCS(0))
	results := make(chan DamagedBlob, len(l.blobs))
	for _, b := range l.blobs {
		f, err := l.in.Blobs.OpenBlob(b.Digest)
		if err != nil {
			results <- DamagedBlob{Blob: b, Problem: err}
			continue
		}
		done := func(sum blob.Sum, err error) {
			f.Close() // only read from
			progress(b.Size)
			results <- DamagedBlob{Blob: b, Problem: errors.Join(err, compareSums(b, sum, err))}
		}
		if b.SHA3384 == "" {
			readers.Go(func() error {
				done(blob.Sum{}, blob.Copy(io.Discard, blob.NewMeter(ctx, f, nil), b.Digest, b.Size))
				return nil
			})
			continue
		}
		if err := hasher.Submit(ctx, blob.Job{Reader: f, Size: b.Size, SHA256: true, Done: done}); err != nil {
			done(blob.Sum{}, err)
		}
	}
	readers.Wait() // their errors are in the results
	hasher.Close()
	close(results)
	var bad []DamagedBlob
	for r := range results {
		if r.Problem != nil {
			bad = append(bad, r)
		}
	}
	slices.SortFunc(bad, func(a, b DamagedBlob) int { return cmp.Compare(a.Digest, b.Digest) })
	return bad
}

func compareSums(b catalog.Blob, sum blob.Sum, err error) error {
	switch {
	case err != nil || b.SHA3384 == "":
		return nil
	case hex.EncodeToString(sum.SHA256[:]) != b.Digest.Encoded():
		return errors.New("its content has another SHA-256")
	case hex.EncodeToString(sum.SHA3_384[:]) != b.SHA3384:
		return errors.New("its content has another SHA3-384")
	}
	return nil
}
