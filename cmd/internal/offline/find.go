package offline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// find finds the given releases, and the ones among them whose files are here.
func (s *Step) find(ctx context.Context) error {
	if err := s.findBlobs(ctx); err != nil {
		return err
	}
	overrides, err := s.in.Catalog.EdgeOverrides(ctx, "")
	if err != nil {
		return err
	}
	for _, r := range s.store.Edge.Given() {
		g := given{Release: r, pinned: slices.ContainsFunc(overrides, func(o catalog.Override) bool {
			return o.SnapID == r.SnapID && o.Channel == r.Channel && o.Revision == r.Revision && (o.Architecture == r.Architecture || o.Architecture == snap.All)
		})}
		var ok bool
		g.about, ok = r.Describe()
		switch {
		case !ok || json.Unmarshal(r.Snap, new(snap.Snap)) != nil:
			g.reason = reasonUnreadable
		case r.Private:
			g.reason = reasonPrivate
		default:
			if g.reason, err = s.verifyFile(ctx, g.about.SHA3384); err != nil {
				return err
			}
		}
		s.given = append(s.given, g)
	}
	return nil
}

// verifyFile returns the reason why a file can't be kept, or nothing. A file in the cache is read.
func (s *Step) verifyFile(ctx context.Context, sha3384 string) (reason string, err error) {
	if s.held[sha3384] != "" {
		return "", nil
	}
	dg := s.blobs[sha3384]
	if dg == "" {
		return reasonGone, nil
	}
	if reason, ok := s.verified[dg]; ok {
		return reason, nil
	}
	if reason, err = s.verifyCached(ctx, dg); err == nil {
		s.verified[dg] = reason
	}
	return reason, err
}

// findBlobs finds the files in the cache and in the catalogue.
func (s *Step) findBlobs(ctx context.Context) error {
	s.blobs, s.held, s.verified = make(map[string]digest.Digest), make(map[string]digest.Digest), make(map[digest.Digest]string)
	entries, err := s.store.Files.List()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if sum, ok := cutSHA3384(string(e.Digest)); ok && s.store.Blobs.Has(e.SHA256) {
			s.blobs[sum] = e.SHA256
		}
	}
	cat, err := s.in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return err
	}
	for i := range cat.Snaps {
		for j := range cat.Snaps[i].Revisions {
			r := &cat.Snaps[i].Revisions[j]
			s.held[r.Download.SHA3384] = r.Blob
			for n := range r.ResourceBlobs {
				s.held[r.Resources[n].Download.SHA3384] = r.ResourceBlobs[n]
			}
		}
	}
	return nil
}

// cutSHA3384 returns the digits of a digest in SHA3-384.
func cutSHA3384(d string) (sum string, ok bool) { return strings.CutPrefix(d, "sha3-384:") }
