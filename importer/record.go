package importer

import (
	"bytes"
	"encoding/hex"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// record returns the bundle as an import of the catalogue.
func (im *Importer) record(o *Opened) *catalog.Import {
	in := recordOf(o.Head)
	in.Bundle, in.Name, in.Signer, in.SignedAt, in.Sequence = o.Digest(), o.Name, o.Signer.ID(), o.Predicate.Created, o.Predicate.Sequence
	in.Exporter, in.Program, in.PushChannelMap = o.Predicate.Exporter, o.Predicate.Program, im.PushChannelMap
	in.TakeOver, in.By = im.TakeOver, im.By
	in.Assertions = storeAssertions(o.assertions)
	if o.Head.Part != nil {
		in.PartSet = o.Head.Part.Set
	}
	return in
}

func storeAssertions(list []*assertion.Assertion) []catalog.Assertion {
	var out []catalog.Assertion
	for _, a := range list {
		ref := a.Ref()
		// An assertion without a primary key can't be requested.
		if len(ref.PrimaryKey) > 0 {
			out = append(out, catalog.Assertion{Type: ref.Type, PrimaryKey: ref.PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: bytes.Clone(a.Raw())})
		}
	}
	return out
}

// recordOf returns the items of a bundle as an import of the catalogue.
func recordOf(h *bundle.Head) *catalog.Import {
	in := &catalog.Import{Blobs: keptBlobs(h)}
	for _, s := range h.Snaps {
		in.Snaps = append(in.Snaps, catalog.ImportedSnap{Listing: s.Listing, Icon: icon(s.Icon)})
	}
	for _, r := range h.Revisions {
		rev := catalog.ImportedSnapRevision{Item: r.Item, Blob: r.Blob.Digest}
		in.Blobs = append(in.Blobs, storeBlob(r.Blob))
		for i, c := range r.Components {
			in.Blobs = append(in.Blobs, storeBlob(c))
			if i < len(r.Revision.Resources) {
				rev.ResourceBlobs = append(rev.ResourceBlobs, c.Digest)
			} else {
				rev.FurtherBlobs = append(rev.FurtherBlobs, c.Digest)
			}
		}
		for _, b := range r.Integrity {
			in.Blobs = append(in.Blobs, storeBlob(b))
			rev.IntegrityBlobs = append(rev.IntegrityBlobs, b.Digest)
		}
		in.SnapRevisions = append(in.SnapRevisions, rev)
	}
	for _, w := range h.Withdrawals {
		in.Withdrawals = append(in.Withdrawals, catalog.Withdrawal{Kind: catalog.ItemKind(w.Kind), Name: w.Name, ID: w.ID, Reason: w.Reason})
	}
	for _, s := range h.Stores {
		in.Stores = append(in.Stores, s.Store)
	}
	recordCharms(in, h)
	for _, a := range h.Assertions {
		in.AssertionItems = append(in.AssertionItems, a.Ref)
	}
	return in
}

func storeBlob(b bundle.Blob) catalog.Blob {
	return catalog.Blob{Digest: b.Digest, Size: b.Size, SHA3384: hex.EncodeToString(b.SHA3384[:])}
}

// icon returns an icon in the catalogue's form, or nil.
func icon(i *bundle.Icon) *catalog.Icon {
	if i == nil {
		return nil
	}
	return &catalog.Icon{Blob: digest.FromBytes(i.Data), MediaType: i.MediaType, Size: int64(len(i.Data))}
}
