package exporter

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// borrow copies a blob from the cache behind a layout. It returns false if there is none, or if it is damaged.
func (c *Cache) borrow(ctx context.Context, a *remoteBlob) (dg digest.Digest, ok bool, err error) {
	if c.Behind == nil {
		return "", false, nil
	}
	dg, ok = c.Behind.find(a)
	if !ok {
		return "", false, nil
	}
	f, err := c.Behind.Blobs.OpenBlob(dg)
	if errors.Is(err, blob.ErrNotFound) {
		return "", false, nil // trimmed meanwhile
	}
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	st, err := c.Blobs.Stage(a.Size)
	if err != nil {
		return "", false, err
	}
	sums := newSums(a)
	r := blob.NewMeter(ctx, f, nil)
	if _, err := io.Copy(st, io.TeeReader(r, sums)); err != nil && (r.Err() == nil || ctx.Err() != nil) {
		return "", false, errors.Join(err, st.Discard())
	}
	if sums.Size() != a.Size || sums.Digest() != dg || a.verifySums(sums) != nil {
		return "", false, errors.Join(st.Discard(), c.Behind.drop(dg))
	}
	if err := c.note(a.key(), dg); err != nil {
		return "", false, errors.Join(err, st.Discard())
	}
	if err := st.Commit(dg); err != nil {
		return "", false, err
	}
	c.hashed.Store(dg, true)
	return dg, true, nil
}
