package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/upstream"
)

// busyWait is how long to wait before trying again while another export downloads the same blob.
const busyWait = 200 * time.Millisecond

func (e *Exporter) fetchBlob(ctx context.Context, w *fetchItem) error {
	tries := 0
	if dg, ok := e.heldElsewhere(w); ok {
		w.setDigest(dg)
		e.Progress.Add(w.Size)
		return nil
	}
	for {
		if dg, ok := e.Cache.find(&w.remoteBlob); ok {
			w.setDigest(dg)
			e.Progress.Add(w.Size)
			return nil
		}
		dg, ok, err := e.Cache.borrow(ctx, &w.remoteBlob)
		if err != nil {
			return err
		}
		if ok {
			w.setDigest(dg)
			e.Progress.Add(w.Size)
			return nil
		}
		w.announcement.show(e.Progress)
		dg, err = e.download(ctx, w)
		switch wrong := (*blob.SumError)(nil); {
		case err == nil:
			w.setDigest(dg)
			return nil
		case errors.Is(err, errCached):
		case errors.Is(err, blob.ErrBusy):
			if err := sleep(ctx, busyWait); err != nil {
				return err
			}
		case errors.As(err, &wrong) && tries == 0:
			tries++ // damaged in transit or by an earlier run
			e.Progress.Warn(fmt.Sprintf("%s arrived damaged; downloading it again", w.name))
		default:
			return err
		}
	}
}

// heldElsewhere returns the address of a blob that the caller brings, or of a snap that the bundle leaves out, because all of its receivers have it.
// Charms are read here, too, so they are needed.
func (e *Exporter) heldElsewhere(w *fetchItem) (digest.Digest, bool) {
	if e.Brought != nil && w.SHA256 != "" {
		if dg := digest.NewDigestFromEncoded(digest.SHA256, w.SHA256); e.Brought(dg) {
			return dg, true
		}
	}
	if e.Held == nil || w.snap == "" {
		return "", false
	}
	dg, ok := e.Cache.known(&w.remoteBlob)
	return dg, ok && e.Held(dg)
}

// errCached means that another export has just downloaded the blob.
var errCached = errors.New("it is in the cache by now")

func (w *fetchItem) setDigest(dg digest.Digest) {
	for _, to := range w.to {
		*to = cachedBlob{dg, w.remoteBlob}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// download appends to the part that an earlier run left, and commits the blob once its digests are verified.
func (e *Exporter) download(ctx context.Context, d *fetchItem) (dg digest.Digest, err error) {
	part, err := e.Cache.Blobs.Partial(d.key())
	if err != nil {
		return "", fmt.Errorf("download %s: %w", d.name, err)
	}
	defer part.Close()
	if _, ok := e.Cache.find(&d.remoteBlob); ok {
		return "", errors.Join(errCached, part.Discard())
	}
	sums := newSums(&d.remoteBlob)
	if part.Size() > d.Size {
		if err := part.Truncate(0); err != nil {
			return "", err
		}
	}
	if _, err := part.WriteTo(sums); err != nil {
		return "", fmt.Errorf("download %s: read what is there: %w", d.name, err)
	}
	w := &progressWriter{w: io.MultiWriter(part, sums), progress: e.Progress}
	w.addBytes(part.Size())
	defer func() {
		if err != nil {
			w.addBytes(-w.n) // the next try counts it again
		}
	}()
	if d.Size > 0 { // an empty blob needs no request
		err = d.source(ctx, upstream.Blob{Name: d.name, URL: d.URL, Size: d.Size, Offset: part.Size(), Restart: func() error {
			w.addBytes(-w.n)
			sums.Reset()
			return part.Truncate(0)
		}}, w)
	}
	switch {
	case w.err != nil:
		return "", fmt.Errorf("download %s: %w", d.name, w.err)
	case err != nil:
		return "", &StoreError{err}
	}
	return e.commit(part, d, sums)
}

// commit turns a complete download into a blob of the cache, if it has the digests that the store announced.
func (e *Exporter) commit(part *blob.Partial, d *fetchItem, sums *blob.Sums) (digest.Digest, error) {
	if wrong := d.verifySums(sums); wrong != nil {
		return "", storeError("download %s: %w", d.name, errors.Join(wrong, part.Truncate(0)))
	}
	dg := sums.Digest()
	// The order matters: an export that waits for this download finds both as soon as it gets the lock.
	if err := e.Cache.note(d.key(), dg); err != nil {
		return "", err
	}
	if err := part.Commit(dg); err != nil {
		return "", err
	}
	e.Cache.hashed.Store(dg, true)
	return dg, nil
}
