package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The bounds of releases that devices were given. Beyond them, the ones that were not seen for the longest time are forgotten.
const (
	maxEdgeReleases      = 50_000
	maxEdgeReleasesBytes = 512 << 20
	// edgeReleaseDays is the age, in days, of the oldest one.
	edgeReleaseDays = 90
)

// EdgeRelease is a revision that devices were given by the stores upstream. A release of the edge has the same fields, so that each is converted to
// the other.
type EdgeRelease struct {
	SnapID, Name string
	// Architecture is the one of the devices, and Store the ID of their store if the snap is private.
	Architecture, Store string
	// Channel includes its track. It is empty if devices asked for the revision by its number.
	Channel  string
	Revision int
	// Snap is the JSON of the snap in upstream's answer.
	Snap json.RawMessage
	// Private is set if not everybody may know of the snap.
	Private bool
	// Seen is the time of the last such answer that was noted.
	Seen time.Time
}

func (r *EdgeRelease) byNumber() int {
	if r.Channel == "" {
		return r.Revision
	}
	return 0
}

// AddEdgeReleases records revisions that devices were given. For each channel, the newest counts. Like AddWanted, it needs rights for its table.
func (r *Reader) AddEdgeReleases(ctx context.Context, list []EdgeRelease) error {
	const (
		// One statement must not update a row twice.
		put = `
			insert into edge_release (snap_id, name, architecture, store, channel, by_number, revision, snap, private, seen_at)
			select distinct on (snap_id, architecture, store, channel, by_number) *
			from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::bytea[], $9::boolean[], $10::timestamptz[])
				as n (snap_id, name, architecture, store, channel, by_number, revision, snap, private, seen_at)
			order by snap_id, architecture, store, channel, by_number, seen_at desc
			on conflict (snap_id, architecture, store, channel, by_number) do update
			set name = excluded.name, revision = excluded.revision, snap = excluded.snap, private = excluded.private, seen_at = excluded.seen_at
			where edge_release.seen_at <= excluded.seen_at`
		forget = `delete from edge_release where seen_at < now() - make_interval(days => $1)`
		evict  = `
			delete from edge_release where (snap_id, architecture, store, channel, by_number) in (
				select snap_id, architecture, store, channel, by_number from (
					select snap_id, architecture, store, channel, by_number, row_number() over newest as place, sum(octet_length(snap)) over newest as total
					from edge_release window newest as (order by seen_at desc, snap_id, architecture, store, channel, by_number rows unbounded preceding)) s
				where place > $1 or total > $2)`
	)
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	ids, names, archs, stores, channels := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	numbers, revisions, snaps, private, seen := make([]int, n), make([]int, n), make([][]byte, n), make([]bool, n), make([]time.Time, n)
	for i, e := range list {
		ids[i], names[i], archs[i], stores[i], channels[i] = text(e.SnapID), text(e.Name), text(e.Architecture), text(e.Store), text(e.Channel)
		numbers[i], revisions[i], snaps[i], private[i], seen[i] = e.byNumber(), e.Revision, e.Snap, e.Private, e.Seen
	}
	err := r.noteEdge(ctx, func(b *pgx.Batch) {
		b.Queue(put, ids, names, archs, stores, channels, numbers, revisions, snaps, private, seen)
		b.Queue(forget, edgeReleaseDays)
		b.Queue(evict, maxEdgeReleases, maxEdgeReleasesBytes)
	})
	if err != nil {
		return fmt.Errorf("record releases of upstream: %w", interpret(err))
	}
	return nil
}

// EachEdgeRelease calls f with each revision that devices were given since a time, the last seen first, until f returns false.
func (db *DB) EachEdgeRelease(ctx context.Context, since time.Time, f func(EdgeRelease) bool) error {
	return eachEdgeRelease(ctx, db.pool, since, f)
}

// EachEdgeRelease calls f with each revision that devices were given since a time, as [DB.EachEdgeRelease] does.
func (r *Reader) EachEdgeRelease(ctx context.Context, since time.Time, f func(EdgeRelease) bool) error {
	return eachEdgeRelease(ctx, r.pool, since, f)
}

func eachEdgeRelease(ctx context.Context, pool *pgxpool.Pool, since time.Time, f func(EdgeRelease) bool) error {
	const q = `
		select snap_id, name, architecture, store, channel, revision, snap, private, seen_at from edge_release
		where seen_at >= greatest(now() - make_interval(days => $1), $2) order by seen_at desc, snap_id, architecture, store, channel, by_number`
	return eachSeen(ctx, pool, "releases", q, since, f, func(rows pgx.Rows) (e EdgeRelease, err error) {
		err = rows.Scan(&e.SnapID, &e.Name, &e.Architecture, &e.Store, &e.Channel, &e.Revision, (*[]byte)(&e.Snap), &e.Private, &e.Seen)
		return e, err
	})
}

// eachSeen calls f with each row that was seen since a time, until f returns false.
func eachSeen[T any](ctx context.Context, pool *pgxpool.Pool, what, q string, since time.Time, f func(T) bool, scan func(pgx.Rows) (T, error)) error {
	// A connection whose rows nobody wants is closed.
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rows, err := pool.Query(ctx, q, edgeReleaseDays, since)
	if err != nil {
		return fmt.Errorf("read %s of upstream: %w", what, interpret(err))
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return fmt.Errorf("read %s of upstream: %w", what, interpret(err))
		}
		if !f(one) {
			cancel()
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s of upstream: %w", what, interpret(err))
	}
	return nil
}
