package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// lastReplacing selects the last import that counts and has replaced something. Assertions alone replace nothing.
const lastReplacing = `select max(id) from import where rollback_id is null and replaced::text <> '{}'`

// RollbackRevisions returns the revisions to which a rollback of the last import with channels would return them, or of any import after since. Charm
// bundles have the kind ItemCharm, like charms.
func (db *DB) RollbackRevisions(ctx context.Context, since time.Time) (map[RevisionKey]bool, error) {
	const names = `select snap_id, name from snap union all select charm_id, name from charm`
	const q = `
		select replaced::text from import where rollback_id is null and replaced is not null
			and (imported_at > $1 or id = (` + lastReplacing + `))`
	byID, out := make(map[string]string), make(map[RevisionKey]bool)
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var id, name, before string
		rows, err := tx.Query(ctx, names)
		if err != nil {
			return err
		}
		if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { byID[id] = name; return nil }); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, q, since); err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&before}, func() error {
			var r replaced
			if err := json.Unmarshal([]byte(before), &r); err != nil {
				return err
			}
			return r.addRevisions(out, byID)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what imports have replaced: %w", interpret(err))
	}
	return out, nil
}

// addRevisions adds the revisions of all rows. names has the names by ID.
func (r *replaced) addRevisions(out map[RevisionKey]bool, names map[string]string) error {
	for _, row := range r.Snaps {
		for _, v := range row.Releases {
			out[RevisionKey{Kind: ItemSnap, Name: names[row.SnapID], Revision: v.Revision}] = true
		}
	}
	for _, t := range r.Tags {
		if t.Import > 0 {
			out[RevisionKey{Kind: ItemImage, Name: t.Repository, Resource: t.Digest.String()}] = true
		}
	}
	for _, row := range r.Charms {
		release, err := row.release()
		if err != nil {
			return err
		}
		at := RevisionKey{Kind: ItemCharm, Name: names[row.CharmID], Revision: row.Revision}
		out[at] = true
		for _, ref := range release.Resources {
			at.Resource, at.Revision = ref.Name, ref.Revision
			out[at] = true
		}
	}
	return nil
}
