package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/importer/canonical"
)

// Unsigned is a file of the original store-admin whose parts agree with each other. Nobody has signed it.
type Unsigned struct {
	// Verified is the value that Apply takes.
	*Verified
	// Created is the time when the file was made, as far as its name and the times in it tell.
	Created time.Time
	// Warnings are messages for the operator.
	Warnings []string
}

// Content summarizes the file.
func (u *Unsigned) Content() Content { return contentOf(u.record) }

// ReadUnsigned reads a whole file of the original store-admin and stages its blobs. The operator must have decided to trust the unsigned
// file before. It has size bytes, or 0 if that is unknown. ReadUnsigned reports each byte that it reads to progress, which may be nil.
func (im *Importer) ReadUnsigned(ctx context.Context, name string, r io.Reader, size int64, progress func(int64)) (*Unsigned, error) {
	u, err := im.readUnsigned(ctx, name, r, size, progress)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return u, nil
}

func (im *Importer) readUnsigned(ctx context.Context, name string, r io.Reader, size int64, progress func(int64)) (*Unsigned, error) {
	in := &catalog.Import{Name: name, Signer: catalog.Unsigned, PushChannelMap: im.PushChannelMap}
	s, err := im.stage(ctx, in)
	if err != nil {
		return nil, err
	}
	reader := canonical.Reader{
		StoreBlob: s.storeBlob, Trust: im.Trust, Now: im.Now().UTC().Truncate(time.Second),
		CharmID: func(name string) (string, error) {
			ids, err := im.Store.CharmIDs(ctx, name)
			return ids[name], err
		},
	}
	sum := blob.NewSums(blob.SHA256)
	export, err := reader.ReadExport(ctx, name, io.TeeReader(r, sum), size, progress)
	if err != nil {
		return nil, errors.Join(err, s.waitCommit(), s.batch.Discard())
	}
	in.Bundle = sum.Digest()
	recordExport(in, export)
	v, err := s.Wait()
	if err != nil {
		return nil, err
	}
	return &Unsigned{Verified: v, Created: export.Created, Warnings: export.Warnings}, nil
}

// storeBlob stages a blob whose digest is known only after it was read.
func (s *Staging) storeBlob(r io.Reader, size int64, identify func(io.ReaderAt) (blob.Digest, error)) error {
	st, err := s.im.Blobs.Stage(size)
	if err != nil {
		return err
	}
	if err := s.copyAhead(st, r); err != nil {
		return errors.Join(err, st.Discard())
	}
	d, err := identify(st)
	if err != nil {
		return errors.Join(err, st.Discard())
	}
	s.record.Blobs = append(s.record.Blobs, catalog.Blob{Digest: d, Size: size})
	return s.addBlob(st, d, size)
}

// recordExport adds the content of a file of the original store-admin to the import. The blobs were added when they were staged.
func recordExport(in *catalog.Import, e *canonical.Export) {
	in.SignedAt = e.Created
	in.Assertions = storeAssertions(e.Assertions)
	for _, l := range e.Charms {
		in.Charms = append(in.Charms, catalog.ImportedCharm{Listing: l})
	}
	for _, r := range e.Revisions {
		in.CharmRevisions = append(in.CharmRevisions, catalog.ImportedCharmRevision{Item: r.Item, Blob: r.Blob})
	}
	for _, r := range e.Resources {
		in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{ResourceItem: r.ResourceItem, Blob: r.Blob})
	}
}
