package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The bounds of charms that Juju was given. Beyond them, the ones that were not seen for the longest time are forgotten.
const (
	maxEdgeCharms      = 10_000
	maxEdgeCharmsBytes = 128 << 20
)

// EdgeCharm is a revision of a charm that Juju was given by the store upstream. A charm of the edge has the same fields, so that each is converted
// to the other.
type EdgeCharm struct {
	ID, Name string
	// Architecture and Base ("ubuntu/22.04") are the ones that Juju asked for. Both are empty if it asked for the revision by its number.
	Architecture, Base string
	// Channel includes its track. It is empty if Juju asked for the revision by its number.
	Channel  string
	Revision int
	// Charm is the JSON of the charm in upstream's answer, with its resources.
	Charm json.RawMessage
	// Seen is the time of the last such answer that was noted.
	Seen time.Time
}

func (c *EdgeCharm) byNumber() int {
	if c.Channel == "" {
		return c.Revision
	}
	return 0
}

// AddEdgeCharms records charms that Juju was given. For each channel, architecture and base, the newest counts. Like AddWanted, it needs rights
// for its table.
func (r *Reader) AddEdgeCharms(ctx context.Context, list []EdgeCharm) error {
	const (
		// One statement must not update a row twice.
		put = `
			insert into edge_charm (charm_id, name, architecture, base, channel, by_number, revision, charm, seen_at)
			select distinct on (charm_id, architecture, base, channel, by_number) *
			from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::bytea[], $9::timestamptz[])
				as n (charm_id, name, architecture, base, channel, by_number, revision, charm, seen_at)
			order by charm_id, architecture, base, channel, by_number, seen_at desc
			on conflict (charm_id, architecture, base, channel, by_number) do update
			set name = excluded.name, revision = excluded.revision, charm = excluded.charm, seen_at = excluded.seen_at
			where edge_charm.seen_at <= excluded.seen_at`
		forget = `delete from edge_charm where seen_at < now() - make_interval(days => $1)`
		evict  = `
			delete from edge_charm where (charm_id, architecture, base, channel, by_number) in (
				select charm_id, architecture, base, channel, by_number from (
					select charm_id, architecture, base, channel, by_number, row_number() over newest as place, sum(octet_length(charm)) over newest as total
					from edge_charm window newest as (order by seen_at desc, charm_id, architecture, base, channel, by_number rows unbounded preceding)) s
				where place > $1 or total > $2)`
	)
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	ids, names, archs, bases, channels := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	numbers, revisions, charms, seen := make([]int, n), make([]int, n), make([][]byte, n), make([]time.Time, n)
	for i, c := range list {
		ids[i], names[i], archs[i], bases[i], channels[i] = text(c.ID), text(c.Name), text(c.Architecture), text(c.Base), text(c.Channel)
		numbers[i], revisions[i], charms[i], seen[i] = c.byNumber(), c.Revision, c.Charm, c.Seen
	}
	err := r.noteEdge(ctx, func(b *pgx.Batch) {
		b.Queue(put, ids, names, archs, bases, channels, numbers, revisions, charms, seen)
		b.Queue(forget, edgeReleaseDays)
		b.Queue(evict, maxEdgeCharms, maxEdgeCharmsBytes)
	})
	if err != nil {
		return fmt.Errorf("record charms of upstream: %w", interpret(err))
	}
	return nil
}

// EachEdgeCharm calls f with each charm that Juju was given since a time, the last seen first, until f returns false.
func (db *DB) EachEdgeCharm(ctx context.Context, since time.Time, f func(EdgeCharm) bool) error {
	return eachEdgeCharm(ctx, db.pool, since, f)
}

// EachEdgeCharm calls f with each charm that Juju was given since a time, as [DB.EachEdgeCharm] does.
func (r *Reader) EachEdgeCharm(ctx context.Context, since time.Time, f func(EdgeCharm) bool) error {
	return eachEdgeCharm(ctx, r.pool, since, f)
}

func eachEdgeCharm(ctx context.Context, pool *pgxpool.Pool, since time.Time, f func(EdgeCharm) bool) error {
	const q = `
		select charm_id, name, architecture, base, channel, revision, charm, seen_at from edge_charm
		where seen_at >= greatest(now() - make_interval(days => $1), $2) order by seen_at desc, charm_id, architecture, base, channel, by_number`
	return eachSeen(ctx, pool, "charms", q, since, f, func(rows pgx.Rows) (c EdgeCharm, err error) {
		err = rows.Scan(&c.ID, &c.Name, &c.Architecture, &c.Base, &c.Channel, &c.Revision, (*[]byte)(&c.Charm), &c.Seen)
		return c, err
	})
}
