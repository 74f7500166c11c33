package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// edgeDeviceDays is the number of days after which a device is forgotten that got no session.
	edgeDeviceDays = 30
	// maxEdgeDevices bounds the devices. Beyond it, the ones that were not seen for the longest time are forgotten.
	maxEdgeDevices = 1 << 20
)

// AddEdgeDevices records that devices got a session today, and forgets the ones that got none for 30 days. Devices are keyed digests. Like
// AddWanted, it needs rights for its table.
func (r *Reader) AddEdgeDevices(ctx context.Context, ids [][]byte) error {
	const (
		put = `
			insert into edge_device (id, seen_on) select distinct id, (now() at time zone 'UTC')::date from unnest($1::bytea[]) as id
			on conflict (id) do update set seen_on = excluded.seen_on where edge_device.seen_on < excluded.seen_on`
		forget = `delete from edge_device where seen_on <= (now() at time zone 'UTC')::date - $1::integer`
		evict  = `delete from edge_device where id in (select id from edge_device order by seen_on desc, id offset $1)`
	)
	if len(ids) == 0 {
		return nil
	}
	err := r.noteEdge(ctx, func(b *pgx.Batch) {
		b.Queue(put, ids)
		b.Queue(forget, edgeDeviceDays)
		b.Queue(evict, maxEdgeDevices)
	})
	if err != nil {
		return fmt.Errorf("record devices: %w", interpret(err))
	}
	return nil
}

// noteEdge runs statements of a server that passes devices on. A crash may lose them.
func (r *Reader) noteEdge(ctx context.Context, queue func(*pgx.Batch)) error {
	return pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(`set local synchronous_commit = off`)
		b.Queue(`select pg_advisory_xact_lock($1)`, int64(edgeLock))
		queue(&b)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// CountEdgeDevices returns the number of devices that got a session upstream in the last 30 days.
func (db *DB) CountEdgeDevices(ctx context.Context) (n int, err error) {
	const q = `select count(*) from edge_device where seen_on > (now() at time zone 'UTC')::date - $1::integer`
	if err := db.pool.QueryRow(ctx, q, edgeDeviceDays).Scan(&n); err != nil {
		return 0, fmt.Errorf("count devices: %w", interpret(err))
	}
	return n, nil
}
