package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// SnapRow names a row of a snap's channel map.
type SnapRow struct{ Architecture, Channel string }

// KnownSnap is what a catalogue knows about a snap before an import without a listing.
type KnownSnap struct {
	DefaultTrack string
	Rows         []SnapRow
	// Revisions are the numbers of its revisions.
	Revisions []int
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
	if k.Rows, err = pgx.CollectRows(rows, pgx.RowToStructByPos[SnapRow]); err != nil {
		return nil, err
	}
	if rows, err = db.pool.Query(ctx, `select revision from snap_revision where snap_id = $1 order by 1`, id); err != nil {
		return nil, err
	}
	k.Revisions, err = pgx.CollectRows(rows, pgx.RowTo[int])
	return k, err
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
