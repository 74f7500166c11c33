package importer

import (
	"bytes"
	"encoding/hex"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/store"
)

// record is what a bundle brings, in the catalogue's terms.
func (im *Importer) record(o *Opened) *store.Import {
	in := &store.Import{
		Bundle: o.Digest(), Name: o.Name, Signer: o.Signer.ID(), SignedAt: o.Predicate.Created, Sequence: o.Predicate.Sequence,
		Exporter: o.Predicate.Exporter, Program: o.Predicate.Program, PushChannelMap: im.PushChannelMap,
	}
	for _, a := range o.assertions {
		ref := a.Ref()
		// What has no primary key can't be asked for.
		if len(ref.PrimaryKey) > 0 {
			in.Assertions = append(in.Assertions, store.Assertion{Type: ref.Type, PrimaryKey: ref.PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: bytes.Clone(a.Raw())})
		}
	}
	for _, s := range o.Head.Snaps {
		ic := icon(s)
		if ic != nil {
			in.Blobs = append(in.Blobs, store.Blob{Digest: ic.Blob, Size: ic.Size})
		}
		in.Snaps = append(in.Snaps, store.ImportedSnap{Listing: s.Listing, Icon: ic})
	}
	for _, r := range o.Head.Revisions {
		rev := store.ImportedRevision{Item: r.Item, Blob: r.Blob.Digest}
		in.Blobs = append(in.Blobs, storeBlob(r.Blob))
		for _, c := range r.Components {
			in.Blobs = append(in.Blobs, storeBlob(c))
			rev.ResourceBlobs = append(rev.ResourceBlobs, c.Digest)
		}
		in.Revisions = append(in.Revisions, rev)
	}
	return in
}

func storeBlob(b bundle.Blob) store.Blob {
	return store.Blob{Digest: b.Digest, Size: b.Size, SHA3384: hex.EncodeToString(b.SHA3384[:])}
}

// icon is a snap's icon in the catalogue's terms, or nil.
func icon(s *bundle.Snap) *store.Icon {
	if s.Icon == nil {
		return nil
	}
	return &store.Icon{Blob: digest.FromBytes(s.Icon.Data), MediaType: s.Icon.MediaType, Size: int64(len(s.Icon.Data))}
}
