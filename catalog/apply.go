package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/channelmap"
)

// errRollback ends the transaction of a plan.
var errRollback = errors.New("only a plan")

// Plan returns the report that Apply would return. It applies the import in a transaction that is rolled back, so that the two
// cannot differ.
func (db *DB) Plan(ctx context.Context, in *Import) (*Report, error) {
	plan, err := db.PlanAll(ctx, []*Import{in})
	if err != nil {
		return nil, err
	}
	return plan[0].Report, plan[0].Err
}

// Outcome is the outcome of one of several imports: its report, or its error.
type Outcome struct {
	Report *Report
	Err    error
}

// PlanAll returns the outcomes of applying imports one after the other. Each is applied to the state that the one before leaves.
func (db *DB) PlanAll(ctx context.Context, list []*Import) (plan []Outcome, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := db.keepLock(ctx, tx); err != nil {
			return err
		}
		for _, in := range list {
			a := newApplier(ctx, in)
			err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
				a.tx = savepoint
				return a.run()
			})
			if err != nil {
				plan = append(plan, Outcome{Err: fmt.Errorf("plan the import: %w", interpret(err))})
				continue
			}
			plan = append(plan, Outcome{Report: a.r})
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		return nil, fmt.Errorf("plan the import: %w", interpret(err))
	}
	return plan, nil
}

// Apply imports in completely or not at all, and notifies the servers.
func (db *DB) Apply(ctx context.Context, in *Import) (*Report, error) {
	a := newApplier(ctx, in)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		a.tx = tx
		if err := db.keepLock(ctx, tx); err != nil {
			return err
		}
		return a.run()
	})
	if err != nil {
		return nil, fmt.Errorf("change the catalogue: %w", interpret(err))
	}
	return a.r, nil
}

func newApplier(ctx context.Context, in *Import) *applier {
	return &applier{ctx: ctx, in: in, r: &Report{SnapRevisions: []SnapRevisionRef{}, SnapMoves: []SnapMove{}}}
}

// applier is one import in its transaction.
type applier struct {
	ctx context.Context
	tx  pgx.Tx
	in  *Import
	r   *Report
	// id is the ID of the import in the history.
	id int64
	// known maps every revision of the import's snaps in the catalogue. knownCharms and knownResources do so for its charms.
	known          map[revisionKey]knownItem
	knownCharms    map[revisionKey]knownItem
	knownResources map[resourceKey]knownItem
	knownImages    map[resourceKey]string // the names of images
}

// revisionKey names a revision by the ID of its snap or charm.
type revisionKey struct {
	id       string
	revision int
}

func (a *applier) run() error {
	if _, err := a.tx.Exec(a.ctx, `select pg_advisory_xact_lock($1)`, applyLock); err != nil {
		return err
	}
	for _, step := range []func() error{
		a.imported, a.blobs, a.assertions, a.record, a.adopt, a.snaps, a.charms, a.revisions, a.charmRevisions, a.charmResources, a.images,
		a.channels, a.charmChannels, a.finishImport,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// send runs a batch and returns its first error.
func (a *applier) send(b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return a.tx.SendBatch(a.ctx, b).Close()
}

// copy adds rows, all of which must be new.
func (a *applier) copy(table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := a.tx.CopyFrom(a.ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	return err
}

func (a *applier) imported() error {
	const q = `select exists (select from import where bundle = $1)`
	return a.tx.QueryRow(a.ctx, q, a.in.Bundle.String()).Scan(&a.r.AlreadyImported)
}

func (a *applier) blobs() error {
	const q = `
		insert into blob (digest, size, sha3_384) select * from unnest($1::text[], $2::bigint[], $3::text[])
		on conflict (digest) do update set sha3_384 = excluded.sha3_384 where blob.sha3_384 = '' and excluded.sha3_384 <> ''`
	digests, sizes, sums := []string{}, []int64{}, []string{}
	seen := make(map[string]int, len(a.in.Blobs)) // one statement can't update a row twice
	for _, b := range a.in.Blobs {
		if i, ok := seen[b.Digest.String()]; ok {
			if sums[i] == "" {
				sums[i] = b.SHA3384
			}
			continue
		}
		seen[b.Digest.String()] = len(digests)
		digests, sizes, sums = append(digests, b.Digest.String()), append(sizes, b.Size), append(sums, b.SHA3384)
	}
	_, err := a.tx.Exec(a.ctx, q, digests, sizes, sums)
	return err
}

// snaps keeps the most recently signed listing of each snap.
func (a *applier) snaps() error {
	const q = `
		insert into snap (snap_id, name, default_track, details, icon, icon_type, signed_at, import_id) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (snap_id) do update set name = excluded.name, default_track = excluded.default_track, details = excluded.details,
			icon = excluded.icon, icon_type = excluded.icon_type, signed_at = excluded.signed_at, import_id = excluded.import_id`
	const known = `
		select snap_id, s.signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from snap s left join import i on import_id = i.id where snap_id = any($1)`
	names := make([][2]string, len(a.in.Snaps))
	for i, s := range a.in.Snaps {
		names[i] = [2]string{s.Name, s.SnapID}
	}
	if err := a.names(`select name, snap_id from snap where name = any($1)`, "snap", names); err != nil {
		return err
	}
	have, err := a.saidOf(known, names)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, s := range a.in.Snaps {
		if have[s.SnapID].Supersedes(a.in.Origin()) {
			continue
		}
		details, err := json.Marshal(s.Snap)
		if err != nil {
			return fmt.Errorf("snap %s: %w", s.Name, err)
		}
		icon, iconType := s.Icon.columns()
		b.Queue(q, s.SnapID, s.Name, s.DefaultTrack, details, icon, iconType, a.in.SignedAt, a.id)
	}
	return a.send(b)
}

// record adds the import to the history. finishImport completes it.
func (a *applier) record() error {
	const q = `
		insert into import (bundle, name, signer, signed_at, sequence, exporter, program, report)
		values ($1, $2, $3, $4, $5, $6, $7, '{}') returning id`
	in := a.in
	return a.tx.QueryRow(a.ctx, q, in.Bundle.String(), text(in.Name), in.Signer, in.SignedAt, int64(in.Sequence), text(in.Exporter), text(in.Program)).Scan(&a.id)
}

// text returns s as PostgreSQL can hold it. The name of a file may be any bytes, and JSON may hold a zero.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// revisions adds the new revisions, and refuses another blob for a revision in the catalogue. Its components may differ, since
// they are released on their own; the newest bundle decides.
func (a *applier) revisions() error {
	const update = `update snap_revision set item = $3, resources = $4, import_id = $5 where snap_id = $1 and revision = $2`
	if err := a.loadRevisions(); err != nil {
		return err
	}
	var rows [][]any
	b := &pgx.Batch{}
	for _, rev := range a.in.SnapRevisions {
		key, blob := revisionKey{rev.SnapID, rev.Revision.Number}, rev.Blob.String()
		have, ok := a.known[key]
		if ok && have.blob != blob {
			return &ConflictError{What: fmt.Sprintf("snap %s revision %d", rev.Name, key.revision), Have: "blob " + have.blob, New: "blob " + blob}
		}
		if ok && (have.is(a.in) || have.Supersedes(a.in.Origin())) {
			continue
		}
		item, err := json.Marshal(rev.Revision)
		if err != nil {
			return fmt.Errorf("snap %s revision %d: %w", rev.Name, key.revision, err)
		}
		resources := []string{}
		for _, d := range slices.Concat(rev.ResourceBlobs, rev.IntegrityBlobs) {
			resources = append(resources, d.String())
		}
		a.known[key] = knownItem{blob, a.in.origin(), channelmap.NewEpoch(rev.Revision.Epoch.Read, rev.Revision.Epoch.Write)}
		if ok {
			b.Queue(update, rev.SnapID, key.revision, item, resources, a.id)
			continue
		}
		a.r.SnapRevisions = append(a.r.SnapRevisions, SnapRevisionRef{rev.Name, key.revision, rev.Revision.Download.Size})
		rows = append(rows, []any{rev.SnapID, key.revision, item, blob, resources, a.id})
	}
	if err := a.send(b); err != nil {
		return err
	}
	return a.copy("snap_revision", []string{"snap_id", "revision", "item", "blob", "resources", "import_id"}, rows)
}

func (a *applier) loadRevisions() error {
	const q = `
		select snap_id, revision, blob, coalesce(item ->> 'epoch', 'null'), signed_at, bundle, signer, sequence
		from snap_revision join import i on import_id = i.id where snap_id = any($1)`
	ids := []string{}
	for _, s := range a.in.Snaps {
		ids = append(ids, s.SnapID)
	}
	for _, r := range a.in.SnapRevisions {
		ids = append(ids, r.SnapID)
	}
	a.known = make(map[revisionKey]knownItem)
	var key revisionKey
	var have knownItem
	var epoch string
	return a.each(q, ids, slices.Concat([]any{&key.id, &key.revision, &have.blob, &epoch}, have.columns()), func() error {
		var err error
		if have.epoch, err = parseEpoch(epoch); err != nil {
			return fmt.Errorf("snap %s revision %d: %w", key.id, key.revision, err)
		}
		a.known[key] = have
		return nil
	})
}

// finishImport completes the import in the history, and notifies the servers when the transaction commits.
func (a *applier) finishImport() error {
	report, err := json.Marshal(a.r)
	if err != nil {
		return err
	}
	if _, err := a.tx.Exec(a.ctx, `update import set report = $2 where id = $1`, a.id, report); err != nil {
		return err
	}
	return bump(a.ctx, a.tx)
}
