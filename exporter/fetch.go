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

	"offlinestore/bundle"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// fetched is a blob that is in the cache and verified.
type fetched struct {
	digest digest.Digest
	snap.Download
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
		e.fetchIcon(ctx, s)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(e.Jobs, 4))
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			r.blobs = make([]fetched, 1+len(r.Resources))
			for i, d := range r.downloads() {
				g.Go(func() error { return e.fetchBlob(ctx, s, r, i, d) })
			}
		}
	}
	return g.Wait()
}

// precheck verifies the assertions of a snap and what they say of its blobs, before the first of those is downloaded.
func (e *Exporter) precheck(s *Snap) error {
	var revisions []*bundle.SnapRevision
	for _, r := range s.Revisions {
		r.blobs = make([]fetched, 1+len(r.Resources))
		for i, d := range r.downloads() {
			r.blobs[i] = fetched{Download: d}
		}
		rev, err := s.item(r)
		if err != nil {
			return err
		}
		revisions = append(revisions, rev)
	}
	if _, err := bundle.Check(nil, revisions, e.Trust, time.Now()); err != nil {
		return fmt.Errorf("the store's assertions about %s: %w", s.Listing.Name, err)
	}
	return nil
}

// blobName is what a blob is called in messages.
func blobName(s *Snap, r *Revision, i int) string {
	if i > 0 {
		return fmt.Sprintf("%s+%s revision %d", s.Listing.Name, r.Resources[i-1].Name, r.Resources[i-1].Revision)
	}
	return fmt.Sprintf("%s revision %d", s.Listing.Name, r.Revision.Revision)
}

func (e *Exporter) fetchBlob(ctx context.Context, s *Snap, r *Revision, i int, d snap.Download) error {
	name := blobName(s, r, i)
	if dg, ok := e.Cache.find(d.SHA3384, d.Size); ok {
		r.blobs[i] = fetched{dg, d}
		e.Progress.Add(d.Size)
		return nil
	}
	e.Progress.Downloading(fmt.Sprintf("%s (%s)", name, strings.Join(r.From, ", ")))
	for try := 0; ; try++ {
		dg, err := e.download(ctx, name, d)
		var wrong *digestError
		switch {
		case err == nil:
			r.blobs[i] = fetched{dg, d}
			return nil
		case errors.As(err, &wrong) && try == 0:
			continue // damaged on the way, or by an earlier run: once more, from the start
		}
		return err
	}
}

// digestError says that a blob is not what the store's own message says it is.
type digestError struct{ got, want string }

func (e *digestError) Error() string {
	return fmt.Sprintf("SHA3-384 is %s, the store says %s", e.got, e.want)
}

// download appends to what an earlier run left, and commits the blob when both hashes are known and right.
func (e *Exporter) download(ctx context.Context, name string, d snap.Download) (dg digest.Digest, err error) {
	part, err := e.Cache.Blobs.Partial(d.SHA3384)
	if err != nil {
		return "", fmt.Errorf("download %s: %w", name, err)
	}
	defer part.Close()
	h := newHashes()
	if part.Size() > d.Size {
		if err := part.Truncate(0); err != nil {
			return "", err
		}
	}
	if _, err := part.WriteTo(h); err != nil {
		return "", err
	}
	w := &counting{w: io.MultiWriter(part, h), ctx: ctx, progress: e.Progress}
	w.add(part.Size())
	defer func() {
		if err != nil {
			w.add(-w.n) // counted again by the next try
		}
	}()
	err = e.Client.Fetch(ctx, upstream.Blob{Name: name, URL: d.URL, Size: d.Size, Offset: part.Size(), Restart: func() error {
		w.add(-w.n)
		h.reset()
		return part.Truncate(0)
	}}, w)
	if err != nil {
		return "", err
	}
	if got := hex.EncodeToString(h.sha3.Sum(nil)); got != d.SHA3384 {
		err = fmt.Errorf("download %s: %w", name, errors.Join(&digestError{got, d.SHA3384}, part.Truncate(0)))
		return "", err
	}
	dg = digest.NewDigest(digest.SHA256, h.sha256)
	if err = part.Commit(dg); err == nil {
		err = e.Cache.note(d.SHA3384, dg)
	}
	return dg, err
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

// counting tells the progress of what passes, and takes it back if need be.
type counting struct {
	w        io.Writer
	ctx      context.Context
	progress Progress
	n        int64
}

func (c *counting) add(n int64) {
	c.n += n
	c.progress.Add(n)
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.add(int64(n))
	return n, err
}

// Draft makes a bundle's draft of snaps, which Fetch must have fetched.
func (e *Exporter) Draft(snaps []*Snap) (*bundle.Draft, error) {
	var items []*bundle.Snap
	var revisions []*bundle.SnapRevision
	for _, s := range snaps {
		items = append(items, &bundle.Snap{Listing: s.Listing, Assertions: s.assertions, Icon: s.icon})
		for _, r := range s.Revisions {
			rev, err := s.item(r)
			if err != nil {
				return nil, err
			}
			revisions = append(revisions, rev)
		}
	}
	if _, err := bundle.Check(items, revisions, e.Trust, time.Now()); err != nil {
		return nil, fmt.Errorf("the store's assertions: %w", err)
	}
	d := &bundle.Draft{}
	for _, it := range items {
		if err := d.AddSnap(it); err != nil {
			return nil, err
		}
	}
	for _, r := range revisions {
		if err := d.AddRevision(r); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// fetchIcon fetches a snap's icon. One that can't be had is no reason to fail.
func (e *Exporter) fetchIcon(ctx context.Context, s *Snap) {
	if s.iconURL == "" {
		return
	}
	data, mediaType, err := e.Client.Icon(ctx, s.iconURL)
	if err != nil {
		e.Progress.Warn(fmt.Sprintf("%s goes without its icon: %v", s.Listing.Name, err))
		s.Listing.Snap.Media = []snap.Media{}
		return
	}
	s.icon = &bundle.Icon{MediaType: mediaType, Data: data}
}

// item is the revision as a bundle has it: without URLs, which belong to whoever serves it.
func (s *Snap) item(r *Revision) (*bundle.SnapRevision, error) {
	rev := r.Revision
	rev.Download.URL, rev.Download.Deltas = "", []snap.Delta{}
	rev.Resources = slices.Clone(rev.Resources)
	for i := range rev.Resources {
		rev.Resources[i].Download.URL, rev.Resources[i].Download.Deltas = "", []snap.Delta{}
	}
	out := &bundle.SnapRevision{Item: snap.Item{Name: s.Listing.Name, SnapID: s.Listing.SnapID, Revision: rev}, Assertions: r.assertions}
	for i, b := range r.blobs {
		sum, err := hex.DecodeString(b.SHA3384)
		if err != nil || len(sum) != 48 {
			return nil, fmt.Errorf("%s: SHA3-384 %.100q", blobName(s, r, i), b.SHA3384)
		}
		blob := bundle.Blob{Digest: b.digest, Size: b.Size, SHA3384: [48]byte(sum)}
		if i == 0 {
			out.Blob = blob
		} else {
			out.Components = append(out.Components, blob)
		}
	}
	return out, nil
}
