package importer

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer/canonical"
)

// SnapsError means that snaps without a bundle cannot be imported.
type SnapsError struct{ Err error }

func (e *SnapsError) Error() string { return e.Err.Error() }

func (e *SnapsError) Unwrap() error { return e.Err }

// snapCatalog is the canonical.Catalog of an importer.
type snapCatalog struct {
	sources
	ctx context.Context
	db  *catalog.DB
}

func (im *Importer) snapCatalog(ctx context.Context) snapCatalog {
	return snapCatalog{sources{im.Trust.Known(), catalogue{ctx, im.Store}}, ctx, im.Store}
}

// Snap returns a snap of the catalogue, or nil.
func (c snapCatalog) Snap(id string) (*canonical.KnownSnap, error) {
	k, err := c.db.KnownSnap(c.ctx, id)
	if k == nil || err != nil {
		return nil, err
	}
	return &canonical.KnownSnap{DefaultTrack: k.DefaultTrack, Rows: k.Rows}, nil
}

// Revision returns a revision of a snap of the catalogue, or nil.
func (c snapCatalog) Revision(id string, number int) (*bundle.SnapRevision, error) {
	rev, b, err := c.db.SnapRevision(c.ctx, id, number)
	if rev == nil || err != nil {
		return nil, err
	}
	out := &bundle.SnapRevision{Item: rev.Item, Blob: bundle.Blob{Digest: b.Digest, Size: b.Size}}
	sum, err := hex.DecodeString(b.SHA3384)
	copy(out.Blob.SHA3384[:], sum)
	return out, err
}

// snapReader stages the files of snaps in a collection.
type snapReader struct {
	*canonical.Collection
	im      *Importer
	staging *Staging
	catalog snapCatalog
	now     time.Time
}

func (im *Importer) newSnapReader(ctx context.Context, progress func(int64)) (*snapReader, error) {
	s, err := im.stage(ctx, &catalog.Import{})
	if err != nil {
		return nil, err
	}
	now := im.Now().UTC().Truncate(time.Second)
	reader := &canonical.Reader{StoreBlob: s.storeBlob, Trust: im.Trust, Now: now}
	return &snapReader{reader.NewCollection(progress), im, s, im.snapCatalog(ctx), now}, nil
}

// discard gives up the staged files.
func (r *snapReader) discard(err error) error {
	return errors.Join(err, r.staging.waitCommit(), r.staging.batch.Discard())
}

// verify verifies groups and makes an import of them. With everything, it has all assertions of the collection.
func (r *snapReader) verify(b *Batch, name string, everything bool, groups ...*canonical.Group) (*catalog.Import, error) {
	var signedAt time.Time
	for _, g := range groups {
		if err := r.Place(r.catalog, g, b.Channels); err != nil {
			return nil, err
		}
		if g.SignedAt.After(signedAt) {
			signedAt = g.SignedAt
		}
	}
	head, err := r.Head(r.catalog, everything, groups...)
	if err != nil {
		return nil, err
	}
	// The time of the host decides about keys, because nobody has signed another one for these files.
	list, err := bundle.Check(head, r.im.Trust, r.now)
	if err != nil {
		return nil, err
	}
	in := recordOf(head)
	in.Bundle, in.Name, in.Signer = contentDigest(head, list), name, catalog.StoreSignatures
	in.Assertions = storeAssertions(list)
	in.PushChannelMap = r.im.PushChannelMap || len(b.Channels) > 0 // the operator has named the channels just now
	in.TakeOver, in.By = r.im.TakeOver, r.im.By
	if t, ok := canonical.Stamp(name); ok && t.After(signedAt) {
		signedAt = t
	}
	if in.SignedAt = signedAt.UTC().Truncate(time.Second); in.SignedAt.After(r.now) {
		in.SignedAt = r.now
	}
	return in, nil
}

// contentDigest returns a digest of the content of files, which depends neither on their names nor on their order.
func contentDigest(h *bundle.Head, list []*assertion.Assertion) blob.Digest {
	var parts []string
	for _, r := range h.Revisions {
		for _, b := range append([]bundle.Blob{r.Blob}, r.Components...) {
			parts = append(parts, b.Digest.String())
		}
	}
	for _, a := range list {
		parts = append(parts, digest.FromBytes(a.Raw()).String())
	}
	slices.Sort(parts)
	var all bytes.Buffer
	for _, p := range slices.Compact(parts) {
		all.WriteString(p + "\n")
	}
	return digest.FromBytes(all.Bytes())
}

// isSnaps reports whether an input may be a folder or an archive of snaps with their assertions. It waits for no more of a pipe than it needs.
func isSnaps(in *bundle.Input) (bool, error) {
	if in.IsFolder() {
		return true, nil
	}
	r, err := in.Preview()
	if err != nil || r == nil {
		return false, err
	}
	return canonical.IsSnapArchive(r)
}

// readSnaps reads a folder or an archive of snaps with their assertions, all of it or nothing. A folder without snaps is read as a bundle,
// whose errors fit.
func (b *Batch) readSnaps(ctx context.Context, f *File) error {
	isFolder, in := f.Input.IsFolder(), io.Reader(nil)
	var members []bundle.Member
	var err error
	if isFolder {
		members, err = f.Input.Members()
	} else {
		in, err = f.Input.Stream()
	}
	if err != nil {
		return err
	}
	progress, done := b.Reading(f, f.Input.Size())
	defer done()
	r, err := b.newSnapReader(ctx, progress)
	if err != nil {
		return err
	}
	if !isFolder {
		err = r.ReadArchive(ctx, in, f.Input.Size())
	} else if err = r.ReadFolder(ctx, members); errors.Is(err, canonical.ErrBundle) || err == nil && r.IsEmpty() {
		return errors.Join(r.discard(nil), b.readHead(ctx, f))
	}
	if err == nil {
		err = b.importSnaps(f, r)
	}
	if err != nil {
		return &SnapsError{r.discard(err)}
	}
	for _, text := range r.Warnings {
		b.Warn(f, text)
	}
	return nil
}

// importSnaps makes an import of everything in a collection.
func (b *Batch) importSnaps(f *File, r *snapReader) error {
	groups, loose := r.Join(r.catalog)
	if len(loose) > 0 {
		return loose[0]
	}
	used := make(map[string]bool)
	for _, g := range groups {
		g.AddKeys(used)
	}
	if err := canonical.LooseAssertion(r.catalog, r.Refs(), used); err != nil {
		return err
	}
	record, err := r.verify(b, f.Name, true, groups...)
	if err != nil {
		return err
	}
	if _, err := r.staging.Wait(); err != nil {
		return err
	}
	f.setVerified(record)
	return nil
}

// setVerified sets the import of a file that was read whole.
func (f *File) setVerified(record *catalog.Import) {
	f.Digest, f.Signer, f.Content = record.Bundle, record.Signer, contentOf(record)
	f.verified, f.candidate = &Verified{record}, Candidate{record}
}
