package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// KnownSnap is a snap in the catalogue, as far as an import without a listing needs it.
type KnownSnap struct {
	DefaultTrack string
	// Rows are its channels by architecture, without their revisions.
	Rows []snap.Release
}

// KnownSnap returns a snap by its snap-id, or nil.
func (db *DB) KnownSnap(ctx context.Context, id string) (*KnownSnap, error) {
	k, err := db.knownSnap(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("look up a snap: %w", interpret(err))
	}
	return k, nil
}

func (db *DB) knownSnap(ctx context.Context, id string) (*KnownSnap, error) {
	k := &KnownSnap{}
	err := db.pool.QueryRow(ctx, `select default_track from snap where snap_id = $1`, id).Scan(&k.DefaultTrack)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, `select distinct architecture, channel from channel_map where snap_id = $1 order by 1, 2`, id)
	if err != nil {
		return nil, err
	}
	var r snap.Release
	_, err = pgx.ForEachRow(rows, []any{&r.Architecture, &r.Channel}, func() error {
		k.Rows = append(k.Rows, r)
		return nil
	})
	return k, err
}

// SnapRevision returns a revision of a snap and the blob of the snap itself, or nil.
func (db *DB) SnapRevision(ctx context.Context, id string, number int) (*ImportedSnapRevision, *Blob, error) {
	const q = `
		select name, item, blob, b.size, b.sha3_384 from snap_revision r join snap using (snap_id) join blob b on r.blob = b.digest
		where r.snap_id = $1 and revision = $2`
	rev, b := &ImportedSnapRevision{}, &Blob{}
	rev.SnapID = id
	var item []byte
	var d string
	err := db.pool.QueryRow(ctx, q, id, number).Scan(&rev.Name, &item, &d, &b.Size, &b.SHA3384)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(item, &rev.Revision)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look up revision %d of a snap: %w", number, interpret(err))
	}
	rev.Blob, b.Digest = digest.Digest(d), digest.Digest(d)
	return rev, b, nil
}

// keeps reports whether the recorded facts about a snap or a revision stay when in is pushed. force lets an older bundle replace them.
// The facts of a bundle supersede the ones that were read from a snap itself, however new these are, because a snap has fewer of them.
func (o origin) keeps(in *Import, force bool) bool {
	if (o.signer == StoreSignatures) != (in.Signer == StoreSignatures) {
		return in.Signer == StoreSignatures
	}
	return o.is(in) || !force && o.Supersedes(in.Origin())
}

// addComponents returns an old revision with the components of rev, and reports whether one of them is new. A snap without a bundle comes
// with some of its components, and says nothing about the others. blobs has the blobs of the old revision.
func addComponents(rev ImportedSnapRevision, old snap.Item, blobs []string) (out ImportedSnapRevision, changed bool) {
	out = ImportedSnapRevision{Item: old, Blob: rev.Blob}
	out.Revision.Resources = slices.Clone(old.Revision.Resources)
	n := min(len(old.Revision.Resources), len(blobs))
	for i, d := range blobs {
		if i < n {
			out.ResourceBlobs = append(out.ResourceBlobs, digest.Digest(d))
		} else {
			out.IntegrityBlobs = append(out.IntegrityBlobs, digest.Digest(d))
		}
	}
	for i, r := range rev.Revision.Resources[:min(len(rev.Revision.Resources), len(rev.ResourceBlobs))] {
		at := slices.IndexFunc(out.Revision.Resources[:n], func(have snap.Resource) bool { return have.Name == r.Name })
		switch {
		case at < 0:
			out.Revision.Resources = slices.Insert(out.Revision.Resources, n, r)
			out.ResourceBlobs = slices.Insert(out.ResourceBlobs, n, rev.ResourceBlobs[i])
			n++
		case out.Revision.Resources[at].Revision < r.Revision:
			out.Revision.Resources[at], out.ResourceBlobs[at] = r, rev.ResourceBlobs[i]
		default:
			continue
		}
		changed = true
	}
	return out, changed
}
