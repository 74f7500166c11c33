package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// Import is what one verified bundle brings. Everything in it was checked before: the catalogue believes it.
type Import struct {
	// Bundle is the digest of the bundle index, Name what the operator knows the file by.
	Bundle digest.Digest
	Name   string
	Signer string
	// SignedAt decides which of two bundles knows better what a channel holds.
	SignedAt          time.Time
	Sequence          uint64
	Exporter, Program string

	Blobs      []Blob
	Assertions []Assertion
	Snaps      []ImportedSnap
	Revisions  []ImportedRevision
	// PushChannelMap updates the channel map even where a newer bundle was imported before.
	PushChannelMap bool
}

// Blob is a blob that was verified and is in the blob folder. SHA3384 is in hex; empty for an icon.
type Blob struct {
	Digest  digest.Digest
	Size    int64
	SHA3384 string
}

// ImportedSnap is a snap by name.
type ImportedSnap struct {
	snap.Listing
	Icon *Icon
}

// ImportedRevision is one revision and its blobs; those of its components are in the order of its Resources.
type ImportedRevision struct {
	snap.Item
	Blob          digest.Digest
	ResourceBlobs []digest.Digest
}

// Report says what an import changed, or would change.
type Report struct {
	// AlreadyImported says that this very bundle is in the history; the rest is then empty unless it had to be repaired.
	AlreadyImported bool          `json:"already-imported,omitempty"`
	Revisions       []RevisionRef `json:"revisions"`
	Moves           []Move        `json:"channel-moves"`
	// Kept are the rows that a newer bundle has set, and which this one therefore leaves alone.
	Kept       []Move `json:"kept-channels,omitempty"`
	Assertions int    `json:"assertions"`
}

// RevisionRef names a revision of a snap.
type RevisionRef struct {
	Snap     string `json:"snap"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size"`
}

// Move is a change of one row of a channel map. Revision 0 is a closed channel, -1 no row.
type Move struct {
	Snap         string `json:"snap"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	From         int    `json:"from"`
	To           int    `json:"to"`
}

// errRollback ends the transaction of a plan.
var errRollback = errors.New("only a plan")

// Plan says what Apply would do. It does it, in a transaction that is rolled back, so that the two cannot differ.
func (s *Store) Plan(ctx context.Context, in *Import) (*Report, error) {
	r, err := s.apply(ctx, in, true)
	if err != nil {
		return nil, fmt.Errorf("plan the import: %w", err)
	}
	return r, nil
}

// Apply imports all of in, or nothing of it, and tells the servers.
func (s *Store) Apply(ctx context.Context, in *Import) (*Report, error) {
	r, err := s.apply(ctx, in, false)
	if err != nil {
		return nil, fmt.Errorf("change the catalogue: %w", err)
	}
	return r, nil
}

// apply tries again when two imports at once got in each other's way.
func (s *Store) apply(ctx context.Context, in *Import, dry bool) (*Report, error) {
	for try := 0; ; try++ {
		r := &Report{Revisions: []RevisionRef{}, Moves: []Move{}}
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := (&applier{ctx, tx, in, r}).run(); err != nil || !dry {
				return err
			}
			return errRollback
		})
		switch {
		case err == nil || errors.Is(err, errRollback):
			return r, nil
		case try < 4 && (isCode(err, "40P01") || isCode(err, "40001")):
			continue
		}
		return nil, interpret(err)
	}
}

// applier is one import in its transaction.
type applier struct {
	ctx context.Context
	tx  pgx.Tx
	in  *Import
	r   *Report
}

func (a *applier) run() error {
	for _, step := range []func() error{a.imported, a.blobs, a.assertions, a.snaps} {
		if err := step(); err != nil {
			return err
		}
	}
	id, err := a.record()
	if err != nil {
		return err
	}
	if err := a.revisions(id); err != nil {
		return err
	}
	if err := a.channels(id); err != nil {
		return err
	}
	return a.finish(id)
}

func (a *applier) imported() error {
	const q = `select exists (select from import where bundle = $1)`
	return a.tx.QueryRow(a.ctx, q, a.in.Bundle.String()).Scan(&a.r.AlreadyImported)
}

func (a *applier) blobs() error {
	const q = `insert into blob (digest, size, sha3_384) values ($1, $2, $3) on conflict do nothing`
	var b pgx.Batch
	for _, bl := range a.in.Blobs {
		b.Queue(q, bl.Digest.String(), bl.Size, bl.SHA3384)
	}
	return a.tx.SendBatch(a.ctx, &b).Close()
}

// assertions keeps, of each assertion and format, the newest revision.
func (a *applier) assertions() error {
	const q = `
		insert into assertion (type, primary_key, format, revision, raw) values ($1, $2, $3, $4, $5)
		on conflict (type, primary_key, format) do update set revision = excluded.revision, raw = excluded.raw
		where assertion.revision < excluded.revision`
	var b pgx.Batch
	for _, as := range a.in.Assertions {
		b.Queue(q, as.Type, as.PrimaryKey, as.Format, as.Revision, as.Raw).Exec(func(t pgconn.CommandTag) error {
			a.r.Assertions += int(t.RowsAffected())
			return nil
		})
	}
	return a.tx.SendBatch(a.ctx, &b).Close()
}

// snaps keeps what the newest bundle says of a snap by name.
func (a *applier) snaps() error {
	const q = `
		insert into snap (snap_id, name, default_track, details, icon, icon_type, signed_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (snap_id) do update set name = excluded.name, default_track = excluded.default_track, details = excluded.details,
			icon = excluded.icon, icon_type = excluded.icon_type, signed_at = excluded.signed_at
		where snap.signed_at <= excluded.signed_at`
	for _, s := range a.in.Snaps {
		details, err := json.Marshal(s.Snap)
		if err != nil {
			return err
		}
		var icon, iconType *string
		if s.Icon != nil {
			d := s.Icon.Blob.String()
			icon, iconType = &d, &s.Icon.MediaType
		}
		_, err = a.tx.Exec(a.ctx, q, s.SnapID, s.Name, s.DefaultTrack, details, icon, iconType, a.in.SignedAt)
		if isCode(err, "23505") {
			return fmt.Errorf("snap %s: the store has another snap-id under that name", s.Name)
		}
		if err != nil {
			return fmt.Errorf("snap %s: %w", s.Name, err)
		}
	}
	return nil
}

// record writes the line of the history; finish completes it.
func (a *applier) record() (id int64, err error) {
	const q = `
		insert into import (bundle, name, signer, signed_at, sequence, exporter, program, report)
		values ($1, $2, $3, $4, $5, $6, $7, '{}') returning id`
	in := a.in
	err = a.tx.QueryRow(a.ctx, q, in.Bundle.String(), in.Name, in.Signer, in.SignedAt, int64(in.Sequence), in.Exporter, in.Program).Scan(&id)
	return id, err
}

func (a *applier) revisions(id int64) error {
	const q = `
		insert into snap_revision (snap_id, revision, item, blob, resources, import_id) values ($1, $2, $3, $4, $5, $6)
		on conflict do nothing`
	const blobOf = `select blob from snap_revision where snap_id = $1 and revision = $2`
	for _, rev := range a.in.Revisions {
		item, err := json.Marshal(rev.Revision)
		if err != nil {
			return err
		}
		resources := make([]string, len(rev.ResourceBlobs))
		for i, d := range rev.ResourceBlobs {
			resources[i] = d.String()
		}
		tag, err := a.tx.Exec(a.ctx, q, rev.SnapID, rev.Revision.Revision, item, rev.Blob.String(), resources, id)
		if err != nil {
			return fmt.Errorf("snap %s revision %d: %w", rev.Name, rev.Revision.Revision, err)
		}
		if tag.RowsAffected() == 1 {
			a.r.Revisions = append(a.r.Revisions, RevisionRef{rev.Name, rev.Revision.Revision, rev.Revision.Download.Size})
			continue
		}
		var have string
		if err := a.tx.QueryRow(a.ctx, blobOf, rev.SnapID, rev.Revision.Revision).Scan(&have); err != nil {
			return err
		}
		if have != rev.Blob.String() {
			return fmt.Errorf("snap %s revision %d: the store has another blob for it (%s)", rev.Name, rev.Revision.Revision, have)
		}
	}
	return nil
}

func (a *applier) finish(id int64) error {
	report, err := json.Marshal(a.r)
	if err != nil {
		return err
	}
	if _, err := a.tx.Exec(a.ctx, `update import set report = $2 where id = $1`, id, report); err != nil {
		return err
	}
	return bump(a.ctx, a.tx)
}

// bump tells the servers that the catalogue changed, when the transaction commits.
func bump(ctx context.Context, tx pgx.Tx) error {
	const q = `
		with g as (update generation set number = number + 1 returning number)
		select pg_notify($1, number::text) from g`
	_, err := tx.Exec(ctx, q, channelName)
	return err
}
