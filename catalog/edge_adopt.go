package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// AdoptEdgeOverrides makes the overrides of upstream's channels overrides of the catalogue, where it has the revision, and notifies the
// servers. Devices then keep their revisions when the store stops passing them on. The overrides of upstream's channels stay. left are the ones
// whose revision is not in the catalogue. by names the operator.
func (db *DB) AdoptEdgeOverrides(ctx context.Context, by string) (adopted, left []Override, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		o := &overrider{ctx: ctx, tx: tx, by: text(by)}
		adopted, left, err = o.adopt()
		if err != nil || len(o.acts) == 0 {
			return err
		}
		if err := bump(ctx, tx); err != nil {
			return err
		}
		return appendAudit(ctx, tx, o.acts...)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("take over the overrides of upstream's channels: %w", interpret(err))
	}
	return adopted, left, nil
}

// PlanEdgeOverrides returns what AdoptEdgeOverrides would return, and changes nothing.
func (db *DB) PlanEdgeOverrides(ctx context.Context) (adopted, left []Override, err error) {
	err = pgx.BeginTxFunc(ctx, db.pool, oneMoment, func(tx pgx.Tx) error {
		o := &overrider{ctx: ctx, tx: tx}
		adopted, left, err = o.adoptable()
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the overrides of upstream's channels: %w", interpret(err))
	}
	return adopted, left, nil
}

// adopt sets the overrides that the catalogue lacks.
func (o *overrider) adopt() (adopted, left []Override, err error) {
	adopted, left, err = o.adoptable()
	if err != nil {
		return nil, nil, err
	}
	const has = `select exists (select from snap_override where snap_id = $1 and architecture = $2 and channel = $3 and revision = $4)`
	for i := range adopted {
		at := &adopted[i]
		var done bool
		if err := o.tx.QueryRow(o.ctx, has, at.SnapID, at.Architecture, at.Channel, at.Revision).Scan(&done); err != nil {
			return nil, nil, err
		}
		if done {
			continue
		}
		at.SetBy = o.by
		if err := o.set(*at); err != nil {
			return nil, nil, err
		}
	}
	return adopted, left, nil
}

// adoptable returns the overrides of upstream's channels whose revision the catalogue has, with the imported revision of the channel, and the
// others.
func (o *overrider) adoptable() (adopted, left []Override, err error) {
	const q = `
		select s.name from snap s join snap_revision r using (snap_id) where snap_id = $1 and revision = $2 and
			($3::text = 'all' or item::jsonb -> 'architectures' ?| array[$3::text, 'all'])`
	list, err := edgeOverrides(o.ctx, o.tx, ``)
	if err != nil {
		return nil, nil, err
	}
	for _, at := range list {
		rows, err := o.tx.Query(o.ctx, q, at.SnapID, at.Revision, at.Architecture)
		if err != nil {
			return nil, nil, err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		switch {
		case err != nil:
			return nil, nil, err
		case len(names) == 0:
			left = append(left, at)
			continue
		}
		at.Name = names[0]
		if err := o.loadUpstream(&at); err != nil {
			return nil, nil, err
		}
		adopted = append(adopted, at)
	}
	return adopted, left, nil
}

// updateEdge changes an override of upstream's channel that an override of the catalogue replaces, so that both modes of the store agree.
func (o *overrider) updateEdge(at Override) error {
	const q = `
		update edge_override set revision = $4, set_by = $5, set_at = now()
		where snap_id = $1 and $2 in (architecture, 'all') and channel = $3 and revision <> $4`
	tag, err := o.tx.Exec(o.ctx, q, at.SnapID, at.Architecture, at.Channel, at.Revision, at.SetBy)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return bumpEdge(o.ctx, o.tx)
}

// removeEdge deletes the overrides of upstream's channel where an operator deletes the ones of the catalogue.
func (o *overrider) removeEdge(at Override) error {
	tag, err := o.tx.Exec(o.ctx, `delete from edge_override where snap_id = $1 and channel = $2`, at.SnapID, at.Channel)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return bumpEdge(o.ctx, o.tx)
}
