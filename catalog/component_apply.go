package catalog

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/opencontainers/go-digest"

	"offlinestore/difference"
	"offlinestore/snap"
)

// components keeps the file and the description of every component that the import names for a revision, also if a newer bundle names
// another one. A device that was told of a component may ask for its file later, and a validation set may pin it.
func (a *applier) components() error {
	b := &pgx.Batch{}
	for i := range a.in.SnapRevisions {
		rev := &a.in.SnapRevisions[i]
		c := difference.Change{What: difference.Component, Snap: rev.Name, Revision: rev.Revision.Number, Field: difference.OlderFile}
		if a.in.Signer == StoreSignatures || a.known[revisionKey{rev.SnapID, rev.Revision.Number}].is(a.in) {
			c.Field = "" // revisions reports them
		}
		if err := a.queueComponents(b, rev, c, rev.Revision.Resources, rev.ResourceBlobs); err != nil {
			return err
		}
		c.Field = difference.Further
		if err := a.queueComponents(b, rev, c, rev.Revision.Further, rev.FurtherBlobs); err != nil {
			return err
		}
	}
	return a.settle(b)
}

// queueComponents queues the components of a revision. It reports the new ones as copies of c, unless c has no Field.
func (a *applier) queueComponents(b *pgx.Batch, rev *ImportedSnapRevision, c difference.Change, list []snap.Resource, blobs []digest.Digest) error {
	const q = `
		insert into snap_component as have (snap_id, revision, name, component_revision, blob, item) values ($1, $2, $3, $4, $5, $6)
		on conflict (snap_id, revision, name, component_revision, blob) do update set item = excluded.item where have.item is null`
	for i, res := range list[:min(len(list), len(blobs))] {
		item, err := json.Marshal(res)
		if err != nil {
			return fmt.Errorf("snap %s revision %d: component %s: %w", rev.Name, rev.Revision.Number, res.Name, err)
		}
		c := c
		c.Name, c.New = res.Name, strconv.Itoa(res.Revision)
		b.Queue(q, rev.SnapID, rev.Revision.Number, res.Name, res.Revision, blobs[i].String(), item).Exec(func(t pgconn.CommandTag) error {
			if t.RowsAffected() > 0 {
				a.changed = true
				if c.Field != "" {
					a.r.update(c)
				}
			}
			return nil
		})
	}
	return nil
}
