package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

// ItemKind is the kind of an Item.
type ItemKind string

// The kinds of items that can be removed.
const (
	ItemSnap   ItemKind = "snap"
	ItemCharm  ItemKind = "charm"
	ItemBundle ItemKind = "bundle" // a charm bundle
	ItemImage  ItemKind = "image"  // a repository of images that belong to no charm
)

// The reasons of removals.
const (
	ReasonRemove  = "remove"  // an operator named the items
	ReasonPrune   = "prune"   // nothing needed the items
	ReasonReplace = "replace" // the name belongs to another snap or charm
)

// Item is a snap, a charm, a charm bundle or a repository of images to remove from the catalogue, or a part of it.
type Item struct {
	Kind ItemKind
	Name string
	// Whole asks for everything about the item. Otherwise only Revisions are removed, with all that depends on them, and Resources.
	Whole     bool
	Revisions []int
	// Resources are revisions of a charm's resources.
	Resources []ResourceRef
	// Digests are images of a repository, which go with their tags. Tags are tags to remove.
	Digests []digest.Digest
	Tags    []string
}

// Removal is a removal of items from the catalogue.
type Removal struct {
	// Reason is one of the reasons above. By names the operator.
	Reason, By string
	// Forced records that something needed the items.
	Forced bool
	// DryRun changes nothing.
	DryRun bool
	// Choose returns the items. They must be in the catalogue.
	Choose func(*Snapshot) ([]Item, error)
	// Approve returns an error if the items must stay. It compares the catalogue before and after the removal.
	Approve func(before, after *Snapshot, r *Removed) error
}

// Remove removes items in one transaction, records the removal, and notifies the servers. It returns the removed parts together with
// an error of Approve. Assertions stay: devices that have the snaps keep asking for them.
func (db *DB) Remove(ctx context.Context, r *Removal) (*Removed, error) {
	m := &remover{ctx: ctx}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		m.tx = tx
		if err := m.run(r); err != nil {
			return err
		}
		if r.DryRun || m.removed.IsEmpty() {
			return errRollback
		}
		return m.record(r)
	})
	if m.refused != nil {
		return m.removed, m.refused
	}
	if err != nil && !errors.Is(err, errRollback) {
		return m.removed, fmt.Errorf("change the catalogue: %w", interpret(err))
	}
	return m.removed, nil
}

// remover removes items in one transaction.
type remover struct {
	ctx     context.Context
	tx      pgx.Tx
	removed *Removed
	// refused is an error of the caller's functions.
	refused error
}

func (m *remover) run(r *Removal) error {
	if err := lockApply(m.ctx, m.tx); err != nil {
		return err
	}
	before, err := m.load()
	if err != nil {
		return err
	}
	items, err := r.Choose(before)
	if err != nil {
		m.refused = err
		return err
	}
	m.removed = newRemoved()
	unused, size, err := m.unusedBlobs()
	if err != nil {
		return err
	}
	if err := m.removeAll(before, items); err != nil {
		return err
	}
	after, err := m.load()
	if err != nil {
		return err
	}
	m.removed.Images = len(before.Images) - len(after.Images)
	if m.removed.Blobs, m.removed.Size, err = m.unusedBlobs(); err != nil {
		return err
	}
	m.removed.Blobs, m.removed.Size = m.removed.Blobs-unused, m.removed.Size-size
	m.refused = r.Approve(before, after, m.removed)
	return m.refused
}

func (m *remover) load() (*Snapshot, error) {
	return snapshotIn(m.ctx, m.tx)
}

func (m *remover) removeAll(before *Snapshot, items []Item) error {
	b := &pgx.Batch{}
	for _, it := range items {
		if it.Kind == ItemSnap {
			s := before.snap(it.Name)
			m.removed.addSnap(s, it)
			queueSnap(b, s.SnapID, it)
			continue
		}
		if it.Kind == ItemImage {
			m.removed.addRepository(before, before.Repository(it.Name), it)
			queueRepository(b, it)
			continue
		}
		c := before.charm(it.Name)
		it.Resources = append(it.Resources, unusedResources(c, it)...)
		m.removed.addCharm(c, it)
		queueCharm(b, c.ID, it)
	}
	b.Queue(forgetImages)
	return m.tx.SendBatch(m.ctx, b).Close()
}

func queueSnap(b *pgx.Batch, id string, it Item) {
	for _, q := range []string{
		`delete from snap_override where snap_id = $1 and ($2 or revision = any($3))`,
		// Without the event, the one before would count again in the channel map of a past moment.
		`update snap_override_history set revision = null where snap_id = $1 and ($2 or revision = any($3))`,
		`delete from channel_map where snap_id = $1 and ($2 or revision = any($3))`,
		`update channel_history set revision = null where snap_id = $1 and ($2 or revision = any($3))`,
		`delete from snap_revision where snap_id = $1 and ($2 or revision = any($3))`,
	} {
		b.Queue(q, id, it.Whole, it.Revisions)
	}
	if it.Whole {
		b.Queue(`delete from hold where kind = $2 and id = $1`, id, ItemSnap)
		for _, table := range []string{"snap_override_history", "channel_history", "snap"} {
			b.Queue(`delete from `+table+` where snap_id = $1`, id)
		}
	}
}

func queueRepository(b *pgx.Batch, it Item) {
	const (
		tags = `
			delete from repository_tag where repository = $1 and ($2 or tag = any($3) or digest = any($4))`
		images = `delete from repository_image where repository = $1 and ($2 or digest = any($3))`
	)
	digests := []string{}
	for _, d := range it.Digests {
		digests = append(digests, d.String())
	}
	b.Queue(tags, it.Name, it.Whole, append([]string{}, it.Tags...), digests)
	b.Queue(images, it.Name, it.Whole, digests)
}

func queueCharm(b *pgx.Batch, id string, it Item) {
	for _, q := range []string{
		`delete from charm_channel_map where charm_id = $1 and ($2 or revision = any($3))`,
		`delete from charm_channel_history where charm_id = $1 and ($2 or revision = any($3))`,
		`delete from charm_revision where charm_id = $1 and ($2 or revision = any($3))`,
	} {
		b.Queue(q, id, it.Whole, it.Revisions)
	}
	names, revisions := []string{}, []int{}
	for _, r := range it.Resources {
		names, revisions = append(names, r.Resource), append(revisions, r.Revision)
	}
	const resources = `
		delete from charm_resource where charm_id = $1 and ($2 or (name, revision) in (select * from unnest($3::text[], $4::integer[])))`
	b.Queue(resources, id, it.Whole, names, revisions)
	// A release of the past counts no more if one of its resources is gone.
	const releases = `
		delete from charm_channel_history where charm_id = $1 and exists (
			select from json_to_recordset(resources) as held (name text, revision integer) where not exists (
				select from charm_resource r where r.charm_id = $1 and r.name = held.name and r.revision = held.revision))`
	b.Queue(releases, id)
	if it.Whole {
		b.Queue(`delete from hold where kind = $2 and id = $1`, id, ItemCharm)
		b.Queue(`delete from charm where charm_id = $1`, id)
	}
}

// forgetImages removes the manifests that neither a resource of a charm nor a repository leads to: by an index that lists one, by the manifest that one refers to, or
// by the tag of a signature. The images to which a rollback of the last import would return stay.
const forgetImages = `
	with recursive last_replaced as (
		select json_array_elements(replaced->'items') as e from import where id = (` + lastReplacing + `)
	), needed (digest) as (
		select digest from repository_image union
		select item->'image'->>'digest' from charm_resource where item->'image'->>'digest' is not null
		union select json_array_elements(item->'images')->>'digest' from charm_revision where item->'images' is not null
		union select e->'item'->'image'->>'digest' from last_replaced where e->'item'->'image'->>'digest' is not null
		union select json_array_elements(e->'item'->'images')->>'digest' from last_replaced
		union select edge.target from needed join (
			select digest, unnest(children) as target from image
			union all select subject, digest from image where subject is not null
			union all select 'sha256:' || substr(tag, 8, 64), digest from image_tag) edge using (digest))
	delete from image where digest not in (select digest from needed)`

// unusedBlobs counts the blobs that the catalogue knows and that nothing refers to.
func (m *remover) unusedBlobs() (n int, size int64, err error) {
	const q = `select count(*), coalesce(sum(size), 0)::bigint from blob where digest not in (` + usedBlobs + `)`
	err = m.tx.QueryRow(m.ctx, q).Scan(&n, &size)
	return n, size, err
}

// record adds the removal to the history.
func (m *remover) record(r *Removal) error {
	report, err := json.Marshal(m.removed)
	if err != nil {
		return err
	}
	id, err := m.addRecord(r, report)
	if err != nil {
		return err
	}
	if err := bump(m.ctx, m.tx); err != nil {
		return err
	}
	row, err := addRows(m.ctx, m.tx, audit.Events(audit.ActorOf(m.ctx), removalAct(r, m.removed, id, report)))
	if err != nil {
		return err
	}
	_, err = m.tx.Exec(m.ctx, `update removal set audit_row = $2 where id = $1`, id, row)
	return err
}

func (m *remover) addRecord(r *Removal, report []byte) (id int64, err error) {
	const q = `insert into removal (reason, removed_by, forced, report) values ($1, $2, $3, $4) returning id`
	err = m.tx.QueryRow(m.ctx, q, r.Reason, text(r.By), r.Forced, report).Scan(&id)
	return id, err
}
