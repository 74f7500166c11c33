package catalog

import (
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/difference"
)

// components keeps the file of every component that the import names for a revision, also if a newer bundle names another one. A device
// that was told of a component may ask for its file later.
func (a *applier) components() error {
	const q = `
		insert into snap_component (snap_id, revision, name, component_revision, blob) values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	b := &pgx.Batch{}
	for _, rev := range a.in.SnapRevisions {
		stays := a.known[revisionKey{rev.SnapID, rev.Revision.Number}].is(a.in)
		for i, c := range rev.Revision.Resources[:min(len(rev.Revision.Resources), len(rev.ResourceBlobs))] {
			older := difference.Change{What: difference.Component, Snap: rev.Name, Revision: rev.Revision.Number, Name: c.Name, Field: "older-file", New: strconv.Itoa(c.Revision)}
			b.Queue(q, rev.SnapID, rev.Revision.Number, c.Name, c.Revision, rev.ResourceBlobs[i].String()).Exec(func(t pgconn.CommandTag) error {
				if t.RowsAffected() > 0 {
					a.changed = true
					if !stays {
						a.r.update(older)
					}
				}
				return nil
			})
		}
	}
	return a.send(b)
}
