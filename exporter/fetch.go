package exporter

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// fetched is a blob that is in the cache and verified.
type fetched struct {
	digest digest.Digest
	snap.Download
}

// wanted is a blob to fetch, and where to note it: revisions may share a component.
type wanted struct {
	name string
	from []string
	snap.Download
	to []*fetched
}

// Fetch brings all that the plan names into the cache and verifies it: assertions first, since without a good one there is
// no use in a blob. It can be interrupted and called again.
func (e *Exporter) Fetch(ctx context.Context, p *Plan) error {
	f := e.newFetcher(ctx)
	for _, s := range p.Snaps {
		if err := f.snap(s); err != nil {
			return fmt.Errorf("%s: assertions: %w", s.Listing.Name, err)
		}
		if err := e.precheck(s); err != nil {
			return err
		}
		if err := e.fetchIcon(ctx, s); err != nil {
			return err
		}
	}
	return e.fetchBlobs(ctx, p)
}

// Refetch fetches a blob once more that was found damaged when it was to be packed, and whatever has gone from the cache.
func (e *Exporter) Refetch(ctx context.Context, p *Plan, d digest.Digest) error {
	if d != "" {
		if err := e.Cache.drop(d); err != nil {
			return err
		}
	}
	return e.fetchBlobs(ctx, p)
}

func (e *Exporter) fetchBlobs(ctx context.Context, p *Plan) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Jobs, 4))
	for _, w := range p.wanted() {
		g.Go(func() error { return e.fetchBlob(ctx, w) })
	}
	return g.Wait()
}

// wanted lists the blobs of the plan, each once.
func (p *Plan) wanted() []*wanted {
	var out []*wanted
	seen := make(map[string]*wanted)
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			downloads := r.downloads()
			r.blobs = make([]fetched, len(downloads))
			for i, d := range downloads {
				w := seen[d.SHA3384]
				if w == nil {
					w = &wanted{name: blobName(s, r, i), Download: d}
					seen[d.SHA3384], out = w, append(out, w)
				}
				w.to = append(w.to, &r.blobs[i])
				w.from = append(w.from, r.From...)
			}
		}
	}
	return out
}

// blobName is what a blob is called in messages.
func blobName(s *Snap, r *Revision, i int) string {
	if i > 0 {
		return fmt.Sprintf("%s+%s revision %d", s.Listing.Name, r.Resources[i-1].Name, r.Resources[i-1].Revision)
	}
	return fmt.Sprintf("%s revision %d", s.Listing.Name, r.Revision.Revision)
}

// busyWait is how often is looked whether another export that downloads the same blob is done with it.
const busyWait = 200 * time.Millisecond

func (e *Exporter) fetchBlob(ctx context.Context, w *wanted) error {
	said, tries := false, 0
	for {
		if dg, ok := e.Cache.find(w.SHA3384, w.Size); ok {
			w.done(dg)
			e.Progress.Add(w.Size)
			return nil
		}
		if !said {
			slices.Sort(w.from)
			e.Progress.Downloading(fmt.Sprintf("%s (%s)", w.name, strings.Join(slices.Compact(w.from), ", ")))
			said = true
		}
		dg, err := e.download(ctx, w)
		switch wrong := (*digestError)(nil); {
		case err == nil:
			w.done(dg)
			return nil
		case errors.Is(err, errArrived):
		case errors.Is(err, blob.ErrBusy):
			if err := sleep(ctx, busyWait); err != nil {
				return err
			}
		case errors.As(err, &wrong) && tries == 0:
			tries++ // damaged on the way, or by an earlier run
			e.Progress.Warn(fmt.Sprintf("%s arrived damaged; downloading it again", w.name))
		default:
			return err
		}
	}
}

// errArrived says that another export has just downloaded the blob.
var errArrived = errors.New("it is in the cache by now")

func (w *wanted) done(dg digest.Digest) {
	for _, to := range w.to {
		*to = fetched{dg, w.Download}
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

// download appends to what an earlier run left, and commits the blob when both hashes are known and right.
func (e *Exporter) download(ctx context.Context, d *wanted) (dg digest.Digest, err error) {
	part, err := e.Cache.Blobs.Partial(d.SHA3384)
	if err != nil {
		return "", fmt.Errorf("download %s: %w", d.name, err)
	}
	defer part.Close()
	if _, ok := e.Cache.find(d.SHA3384, d.Size); ok {
		return "", errors.Join(errArrived, part.Discard())
	}
	h := newHashes()
	if part.Size() > d.Size {
		if err := part.Truncate(0); err != nil {
			return "", err
		}
	}
	if _, err := part.WriteTo(h); err != nil {
		return "", fmt.Errorf("download %s: read what is there: %w", d.name, err)
	}
	w := &counting{w: io.MultiWriter(part, h), progress: e.Progress}
	w.add(part.Size())
	defer func() {
		if err != nil {
			w.add(-w.n) // counted again by the next try
		}
	}()
	err = e.Client.Fetch(ctx, upstream.Blob{Name: d.name, URL: d.URL, Size: d.Size, Offset: part.Size(), Restart: func() error {
		w.add(-w.n)
		h.reset()
		return part.Truncate(0)
	}}, w)
	switch {
	case w.err != nil:
		return "", fmt.Errorf("download %s: %w", d.name, w.err)
	case err != nil:
		return "", &StoreError{err}
	}
	return e.commit(part, d, h)
}

// commit makes a whole download a blob of the cache, if it has the digest that the store announced.
func (e *Exporter) commit(part *blob.Partial, d *wanted, h *hashes) (digest.Digest, error) {
	if got := hex.EncodeToString(h.sha3.Sum(nil)); got != d.SHA3384 {
		return "", storeError("download %s: %w", d.name, errors.Join(&digestError{got, d.SHA3384}, part.Truncate(0)))
	}
	dg := digest.NewDigest(digest.SHA256, h.sha256)
	// In this order, whoever waits for the download finds both once it can have the lock.
	if err := e.Cache.note(d.SHA3384, dg); err != nil {
		return "", err
	}
	return dg, part.Commit(dg)
}

// hashes computes each digest that the formats need in one go.
type hashes struct {
	sha256 hash.Hash
	sha3   *sha3.SHA3
}

func newHashes() *hashes { return &hashes{sha256.New(), sha3.New384()} }

func (h *hashes) Write(p []byte) (int, error) {
	h.sha256.Write(p)
	return h.sha3.Write(p)
}

func (h *hashes) reset() {
	h.sha256.Reset()
	h.sha3.Reset()
}

// counting tells the progress of what passes, and takes it back if need be. It keeps its own error apart from the store's.
type counting struct {
	w        io.Writer
	progress Progress
	n        int64
	err      error
}

func (c *counting) add(n int64) {
	c.n += n
	c.progress.Add(n)
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.add(int64(n))
	c.err = err
	return n, err
}
