package exporter

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"offlinestore/bundle"
	"offlinestore/snap"
)

// precheck verifies the assertions of a snap and what they say of its blobs, before the first of those is downloaded.
func (e *Exporter) precheck(s *Snap) error {
	for _, r := range s.Revisions {
		r.blobs = nil
		for _, d := range r.downloads() {
			r.blobs = append(r.blobs, fetched{Download: d})
		}
	}
	_, _, err := e.items([]*Snap{s})
	return err
}

// items makes the items of a bundle and verifies them, at the time at which the receiver will.
func (e *Exporter) items(snaps []*Snap) (items []*bundle.Snap, revisions []*bundle.SnapRevision, err error) {
	for _, s := range snaps {
		items = append(items, &bundle.Snap{Listing: s.Listing, Assertions: s.assertions, Icon: s.icon})
		for _, r := range s.Revisions {
			rev, err := s.item(r)
			if err != nil {
				return nil, nil, err
			}
			revisions = append(revisions, rev)
		}
	}
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	if _, err := bundle.Check(items, revisions, e.Trust, at); err != nil {
		return nil, nil, storeError("the store's assertions: %w", err)
	}
	return items, revisions, nil
}

// Draft makes a bundle's draft of snaps, which Fetch must have fetched.
func (e *Exporter) Draft(snaps []*Snap) (*bundle.Draft, error) {
	items, revisions, err := e.items(snaps)
	if err != nil {
		return nil, err
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
func (e *Exporter) fetchIcon(ctx context.Context, s *Snap) error {
	if s.iconURL == "" {
		return nil
	}
	data, mediaType, err := e.Client.Icon(ctx, s.iconURL)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		e.Progress.Warn(fmt.Sprintf("%s goes without its icon: %v", s.Listing.Name, err))
		s.Listing.Snap.Media, s.icon = []snap.Media{}, nil
		return nil
	}
	s.icon = &bundle.Icon{MediaType: mediaType, Data: data}
	return nil
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
			return nil, storeError("%s: the store's answer has %.100q for a SHA3-384", blobName(s, r, i), b.SHA3384)
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
