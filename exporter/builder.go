package exporter

import (
	"encoding/hex"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/bundle"
	"offlinestore/snap"
)

// verifySnaps verifies the assertions of all snaps, several at once. It returns the first error in the order of the plan.
func (e *Exporter) verifySnaps(p *Plan) error {
	errs := make([]error, len(p.Snaps))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range p.Snaps {
		g.Go(func() error {
			errs[i] = e.verifySnap(s)
			return nil
		})
	}
	g.Wait() // the errors are in errs
	for i, err := range errs {
		if err != nil {
			return p.blame(p.Snaps[i].Listing.Name, err)
		}
	}
	return nil
}

// verifySnap verifies a snap's assertions, and their statements about its blobs, before any of the blobs is downloaded.
func (e *Exporter) verifySnap(s *Snap) error {
	for _, r := range s.Revisions {
		r.blobs = nil
		for _, d := range r.Downloads() {
			r.blobs = append(r.blobs, cachedBlob{remoteBlob: snapBlob(d)})
		}
	}
	_, err := e.buildHead(Part{Snaps: []*Snap{s}})
	return err
}

// Part is the part of a plan that goes into one bundle.
type Part struct {
	Snaps        []*Snap
	Charms       []*Charm
	Assertions   []*Assertion
	Stores       []*Store
	Withdrawals  []*Withdrawal
	Repositories []*Repository
}

// buildHead makes a bundle's head from its items and verifies it.
func (e *Exporter) buildHead(p Part) (*bundle.Head, error) {
	h := &bundle.Head{}
	for _, w := range p.Withdrawals {
		h.Withdrawals = append(h.Withdrawals, w.item())
	}
	for _, s := range p.Stores {
		h.Stores = append(h.Stores, s.item())
	}
	for _, s := range p.Snaps {
		h.Snaps = append(h.Snaps, &bundle.Snap{Listing: s.Listing, Assertions: s.assertions, Icon: s.icon})
		for _, r := range s.Revisions {
			rev, err := s.item(r)
			if err != nil {
				return nil, err
			}
			h.Revisions = append(h.Revisions, rev)
		}
	}
	for _, c := range p.Charms {
		addCharm(h, c)
	}
	for _, r := range p.Repositories {
		if err := r.addTo(h); err != nil {
			return nil, err
		}
	}
	for _, a := range p.Assertions {
		h.Assertions = append(h.Assertions, &bundle.Assertion{Ref: a.Ref, Assertions: a.stream})
	}
	return e.verifyHead(h)
}

// verifyHead verifies the assertions of a head at the time at which the receiver will verify them.
func (e *Exporter) verifyHead(h *bundle.Head) (*bundle.Head, error) {
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	if _, err := bundle.Check(h, e.Trust, at); err != nil {
		return nil, storeError("the store's assertions: %w", err)
	}
	return h, nil
}

// Builder returns a bundle builder with items that Fetch has fetched.
func (e *Exporter) Builder(p Part) (*bundle.Builder, error) {
	h, err := e.buildHead(p)
	if err != nil {
		return nil, err
	}
	d := &bundle.Builder{}
	if err := d.AddHead(h); err != nil {
		return nil, &StoreError{err} // the store sent metadata that a bundle can't hold
	}
	return d, nil
}

// item returns the revision as a bundle holds it. URLs are left out, because they belong to the server that serves it.
func (s *Snap) item(r *SnapRevision) (*bundle.SnapRevision, error) {
	rev := r.Revision
	rev.Download.URL, rev.Download.Deltas = "", []snap.Delta{}
	rev.Resources, rev.Further = slices.Clone(rev.Resources), slices.Clone(rev.Further)
	for _, list := range [][]snap.Resource{rev.Resources, rev.Further} {
		for i := range list {
			list[i].Download.URL, list[i].Download.Deltas = "", []snap.Delta{}
		}
	}
	rev.Integrity = slices.Clone(rev.Integrity)
	for i := range rev.Integrity {
		rev.Integrity[i].Download.URL, rev.Integrity[i].Download.Deltas = "", []snap.Delta{}
	}
	out := &bundle.SnapRevision{Item: snap.Item{Name: s.Listing.Name, SnapID: s.Listing.SnapID, Revision: rev}, Assertions: r.assertions}
	for i, b := range r.blobs {
		sum, err := hex.DecodeString(b.SHA3384)
		if err != nil || len(sum) != 48 {
			return nil, storeError("%s: the store's answer has %.100q for a SHA3-384", blobName(s, r, i), b.SHA3384)
		}
		blob := bundle.Blob{Digest: b.digest, Size: b.Size, SHA3384: [48]byte(sum)}
		switch {
		case i == 0:
			out.Blob = blob
		case i <= len(rev.Resources)+len(rev.Further):
			out.Components = append(out.Components, blob)
		default:
			out.Integrity = append(out.Integrity, blob)
		}
	}
	return out, nil
}
