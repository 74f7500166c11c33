package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"offlinestore/snap"
)

// fillContents parses the snap.yaml of revisions that were imported before the catalogue kept its contents.
func fillContents(ctx context.Context, conn *pgxpool.Conn) error {
	rows, err := conn.Query(ctx, `select snap_id, revision, item from snap_revision where contents is null`)
	if err != nil {
		return err
	}
	const update = `update snap_revision set contents = $3 where snap_id = $1 and revision = $2`
	b := &pgx.Batch{}
	var id, item string
	var number int
	if _, err := pgx.ForEachRow(rows, []any{&id, &number, &item}, func() error {
		var r snap.Revision
		if err := json.Unmarshal([]byte(item), &r); err != nil {
			return fmt.Errorf("snap %s revision %d: %w", id, number, err)
		}
		contents, err := json.Marshal(r.Parsed())
		b.Queue(update, id, number, contents)
		return err
	}); err != nil || b.Len() == 0 {
		return err
	}
	return conn.SendBatch(ctx, b).Close()
}
