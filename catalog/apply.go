package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/channelmap"
	"offlinestore/difference"
	"offlinestore/snap"
)

// applier is one import in its transaction.
type applier struct {
	ctx context.Context
	tx  pgx.Tx
	in  *Import
	r   *Report
	// id is the ID of the import in the history.
	id int64
	// act is the row of the audit trail, once the import is complete.
	act audit.Act
	// takenBack is the rollback that took this bundle back, or 0. replaced is the state before the import. holds has the held snaps and charms.
	takenBack int64
	replaced  replaced
	holds     *liveHolds
	// changed reports that the import has written something.
	changed bool
	// last maps each statement of the imports that are applied together to the last of them that makes it. index is the number of this one.
	last  map[any]int
	index int
	// queue holds the statements that were not sent yet. begun reports that the savepoint exists.
	queue pgx.Batch
	begun bool
	loaded
}

// revisionKey names a revision by the ID of its snap or charm.
type revisionKey struct {
	id       string
	revision int
}

// run applies the import. It returns errNothing if this very import was applied before and there is nothing left to change.
func (a *applier) run() error {
	a.queue.Queue(savepoint)
	for _, step := range []func() error{
		a.adopt, a.takeOver, a.load, a.blobs, a.assertions, a.snaps, a.stores, a.charms, a.revisions, a.components, a.charmRevisions, a.charmResources, a.images, a.imageTags, a.repositories,
		a.channels, a.charmChannels, a.withdraw,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if a.r.AlreadyImported && !a.changed {
		return errNothing
	}
	return a.finishImport()
}

func (a *applier) blobs() error {
	queueBlobs(&a.queue, a.in.Blobs)
	return nil
}

// queueBlobs queues a statement that adds verified blobs.
func queueBlobs(queue *pgx.Batch, blobs []Blob) {
	const q = `
		insert into blob (digest, size, sha3_384) select * from unnest($1::text[], $2::bigint[], $3::text[])
		on conflict (digest) do update set sha3_384 = excluded.sha3_384 where blob.sha3_384 = '' and excluded.sha3_384 <> ''`
	digests, sizes, sums := []string{}, []int64{}, []string{}
	seen := make(map[string]int, len(blobs)) // one statement can't update a row twice
	for _, b := range blobs {
		if i, ok := seen[b.Digest.String()]; ok {
			if sums[i] == "" {
				sums[i] = b.SHA3384
			}
			continue
		}
		seen[b.Digest.String()] = len(digests)
		digests, sizes, sums = append(digests, b.Digest.String()), append(sizes, b.Size), append(sums, b.SHA3384)
	}
	queue.Queue(q, digests, sizes, sums)
}

// snaps keeps the most recently signed listing of each snap.
func (a *applier) snaps() error {
	const q = `
		insert into snap (snap_id, name, default_track, details, signed_at, import_id) values ($1, $2, $3, $4, $5, $6)
		on conflict (snap_id) do update set name = excluded.name, default_track = excluded.default_track, details = excluded.details,
			signed_at = excluded.signed_at, import_id = excluded.import_id`
	b := &pgx.Batch{}
	for _, s := range a.in.Snaps {
		old, ok := a.knownSnaps[s.SnapID]
		switch {
		case !ok:
			a.r.addNewSnap(a.in, s)
			a.holdNew(b, ItemSnap, s.SnapID, s.Name)
		case old.keeps(a.in, a.forces(snapKey(s.SnapID))):
			continue
		default:
			listing := s.Listing
			listing.Unknown = nil // such parts stay as they are
			listing.Store = ""    // stores reports it
			a.r.update(difference.OfSnap(&old.listing, &listing)...)
		}
		details, err := json.Marshal(s.Snap)
		if err != nil {
			return fmt.Errorf("snap %s: %w", s.Name, err)
		}
		b.Queue(q, s.SnapID, s.Name, s.DefaultTrack, details, a.in.SignedAt, a.id)
	}
	a.queueSnapIcons(b)
	return a.write(b)
}

// loadSnaps loads the import's snaps as the catalogue has them.
func (a *applier) loadSnaps() error {
	names := make([][2]string, len(a.in.Snaps))
	for i, s := range a.in.Snaps {
		names[i] = [2]string{s.Name, s.SnapID}
	}
	if err := a.names(`select name, snap_id from snap where name = any($1)`, "snap", names); err != nil {
		return err
	}
	const q = `
		select snap_id, s.name, default_track, details, coalesce(icon, ''), coalesce(icon_type, ''),
			s.signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from snap s left join import i on import_id = i.id where snap_id = any($1)`
	var l snap.Listing
	var details []byte
	a.knownSnaps = listings(a, q, names, []any{&l.Name, &l.DefaultTrack, &details}, func(id string) (snap.Listing, error) {
		l.SnapID, l.Snap = id, snap.Details{}
		return l, json.Unmarshal(details, &l.Snap)
	})
	a.snapIcons = a.loadIcons("snap", "snap_id", a.snapIDs())
	return nil
}

// snapIDs returns the IDs of the snaps in the import.
func (a *applier) snapIDs() []string {
	ids := make([]string, len(a.in.Snaps))
	for i, s := range a.in.Snaps {
		ids[i] = s.SnapID
	}
	return ids
}

// revisions adds the new revisions, and refuses another blob for a revision in the catalogue. Its components may differ, since
// they are released on their own; the newest bundle decides.
func (a *applier) revisions() error {
	var rows [][]any
	b := &pgx.Batch{}
	for _, rev := range a.in.SnapRevisions {
		key, blob := revisionKey{rev.SnapID, rev.Revision.Number}, rev.Blob.String()
		have, ok := a.known[key]
		if ok && have.blob != blob {
			return &ConflictError{What: fmt.Sprintf("snap %s revision %d", rev.Name, key.revision), Have: "blob " + have.blob, New: "blob " + blob}
		}
		if ok {
			if err := a.revise(b, rev, have); err != nil {
				return err
			}
			continue
		}
		item, contents, resources, err := columnsOf(rev)
		if err != nil {
			return err
		}
		a.known[key] = knownItem{blob: blob, origin: a.in.origin(), epoch: epochOf(rev)}
		a.r.SnapRevisions = append(a.r.SnapRevisions, SnapRevisionRef{rev.Name, key.revision, rev.Revision.Download.Size})
		rows = append(rows, []any{rev.SnapID, key.revision, item, contents, blob, resources, a.id})
	}
	if err := a.write(b); err != nil {
		return err
	}
	return a.insert("snap_revision", []string{"snap_id", "revision", "item", "contents", "blob", "resources", "import_id"}, rows)
}

// revise queues the new properties of a revision in the catalogue, unless it stays, and reports the changes.
func (a *applier) revise(b *pgx.Batch, rev ImportedSnapRevision, have knownItem) error {
	const update = `
		update snap_revision set item = $3, contents = $4, resources = $5, import_id = coalesce($6, import_id) where snap_id = $1 and revision = $2`
	if a.in.Signer != StoreSignatures && have.keeps(a.in, a.forces(snapRevisionKey{rev.SnapID, rev.Revision.Number})) {
		return nil
	}
	old := snap.Item{Name: rev.Name, SnapID: rev.SnapID}
	if err := json.Unmarshal(have.item, &old.Revision); err != nil {
		return fmt.Errorf("snap %s revision %d: %w", rev.Name, rev.Revision.Number, err)
	}
	origin := a.in.origin()
	if a.in.Signer == StoreSignatures {
		var changed bool
		if rev, changed = addComponents(rev, old, have.resources); !changed {
			return nil
		}
		origin = have.origin // so that a push of its bundle changes nothing
	}
	item, contents, resources, err := columnsOf(rev)
	if err != nil {
		return err
	}
	a.r.update(difference.OfRevision(&old, &rev.Item)...)
	a.known[revisionKey{rev.SnapID, rev.Revision.Number}] = knownItem{blob: have.blob, origin: origin, epoch: epochOf(rev)}
	id := &a.id
	if !origin.is(a.in) {
		id = nil
	}
	b.Queue(update, rev.SnapID, rev.Revision.Number, item, contents, resources, id)
	return nil
}

// columnsOf returns the columns of a revision: its message, the parsed snap.yaml, and the blobs of its components and integrity data.
func columnsOf(rev ImportedSnapRevision) (item, contents []byte, resources []string, err error) {
	rev.Revision.Further = nil // components adds them
	item, err1 := json.Marshal(rev.Revision)
	contents, err2 := json.Marshal(rev.Revision.Parsed())
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, nil, fmt.Errorf("snap %s revision %d: %w", rev.Name, rev.Revision.Number, err)
	}
	resources = []string{}
	for _, d := range slices.Concat(rev.ResourceBlobs, rev.IntegrityBlobs) {
		resources = append(resources, d.String())
	}
	return item, contents, resources, nil
}

func epochOf(rev ImportedSnapRevision) channelmap.Epoch {
	return channelmap.NewEpoch(rev.Revision.Epoch.Read, rev.Revision.Epoch.Write)
}

// loadRevisions loads the revisions of the import's snaps, and the items of the revisions in the import.
func (a *applier) loadRevisions() {
	const q = `
		select snap_id, revision, blob, coalesce(item ->> 'epoch', 'null'), case when stated then item end, case when stated then resources end,
			signed_at, bundle, signer, sequence
		from (select *, (snap_id, revision) in (select * from unnest($2::text[], $3::integer[])) as stated from snap_revision) r join import i on import_id = i.id where snap_id = any($1)`
	revised, numbers := []string{}, []int{}
	for _, r := range a.in.SnapRevisions {
		revised, numbers = append(revised, r.SnapID), append(numbers, r.Revision.Number)
	}
	a.known = make(map[revisionKey]knownItem)
	var key revisionKey
	var have knownItem
	var epoch string
	a.read(q, append(a.snapIDs(), revised...), slices.Concat([]any{&key.id, &key.revision, &have.blob, &epoch, &have.item, &have.resources}, have.columns()), func() (err error) {
		if have.epoch, err = parseEpoch(epoch); err != nil {
			return fmt.Errorf("snap %s revision %d: %w", key.id, key.revision, err)
		}
		a.known[key] = have
		have.item, have.resources = nil, nil
		return nil
	}, revised, numbers)
}

// finishImport completes the import in the history, and notifies the servers when the transaction commits.
func (a *applier) finishImport() error {
	a.holds.separate(a.r)
	report, err := json.Marshal(a.r)
	if err != nil {
		return err
	}
	before, err := json.Marshal(a.replaced)
	if err != nil {
		return err
	}
	a.act = importAct(a.in, a.r, a.id, report)
	a.satisfy()
	if a.in.PartSet != "" {
		a.queue.Queue(forgetPartSet, a.in.PartSet)
	}
	a.queue.Queue(`update import set report = $2, replaced = $3, rollback_id = nullif($4, 0::bigint) where id = $1`, a.id, report, before, a.takenBack)
	a.queue.Queue(bumpQuery, channelName)
	a.queue.Queue(release)
	return a.flush()
}
