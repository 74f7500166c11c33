package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxWanted bounds the rows of wanted. Beyond it, the ones that were asked for once go first, then the oldest.
const maxWanted = 5000

// The kinds of wanted items. A client that has a snap or charm asks for it by its ID.
const (
	WantedSnap    = "snap"
	WantedSnapID  = "snap-id"
	WantedCharm   = "charm"
	WantedCharmID = "charm-id"
)

// WantedKey names an item that clients ask for. Parts that they left out are empty or 0.
type WantedKey struct {
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	Channel      string `json:"channel,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Revision     int    `json:"revision,omitempty"`
}

// Wanted is an item that clients asked for in vain.
type Wanted struct {
	WantedKey
	Count int64     `json:"count"`
	First time.Time `json:"first-at"`
	Last  time.Time `json:"last-at"`
}

// lockWanted makes a transaction the only one that changes wanted items, before it locks the first row.
const lockWanted = `select pg_advisory_xact_lock($1)`

// AddWanted counts items that clients asked for in vain. It needs more rights than other methods of a Reader, for one table.
func (r *Reader) AddWanted(ctx context.Context, list []Wanted) error {
	if err := r.addWanted(ctx, list); err != nil {
		return fmt.Errorf("keep what is wanted: %w", interpret(err))
	}
	return nil
}

func (r *Reader) addWanted(ctx context.Context, list []Wanted) error {
	const (
		insert = `
			insert into wanted (kind, name, channel, architecture, revision, count, first_at, last_at)
			select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::timestamptz[], $8::timestamptz[])
			order by 1, 2, 3, 4, 5
			on conflict (kind, name, channel, architecture, revision) do update
			set count = wanted.count + excluded.count, last_at = greatest(wanted.last_at, excluded.last_at)`
		evict = `
			delete from wanted where (kind, name, channel, architecture, revision) in (
				select kind, name, channel, architecture, revision from wanted order by count > 1 desc, last_at desc offset $1)`
	)
	if len(list) == 0 {
		return nil
	}
	kinds, names, channels, archs := make([]string, len(list)), make([]string, len(list)), make([]string, len(list)), make([]string, len(list))
	revisions, counts, first, last := make([]int, len(list)), make([]int64, len(list)), make([]time.Time, len(list)), make([]time.Time, len(list))
	for i, w := range list {
		kinds[i], names[i], channels[i], archs[i] = w.Kind, w.Name, w.Channel, w.Architecture
		revisions[i], counts[i], first[i], last[i] = w.Revision, w.Count, w.First, w.Last
	}
	return pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockWanted, wantedLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insert, kinds, names, channels, archs, revisions, counts, first, last); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, evict, maxWanted)
		return err
	})
}

// Wanted returns the items that clients asked for in vain, the most often wanted first.
func (db *DB) Wanted(ctx context.Context) ([]Wanted, error) {
	const q = `
		select kind, name, channel, architecture, revision, count, first_at, last_at from wanted
		order by count desc, kind, name collate "C", channel, architecture, revision`
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rows, err := db.pool.Query(ctx, q)
	var list []Wanted
	if err == nil {
		var w Wanted
		_, err = pgx.ForEachRow(rows, []any{&w.Kind, &w.Name, &w.Channel, &w.Architecture, &w.Revision, &w.Count, &w.First, &w.Last}, func() error {
			list = append(list, w)
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read what is wanted: %w", interpret(err))
	}
	return list, nil
}

// ForgetWanted empties the list of wanted items.
func (db *DB) ForgetWanted(ctx context.Context) error {
	return interpret(pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockWanted, wantedLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from wanted`)
		return err
	}))
}

// satisfy removes the snaps and charms of the import from the wanted items. A client that still asks in vain brings its item back.
func (a *applier) satisfy() {
	const q = `
		delete from wanted where kind = 'snap' and name = any($1) or kind = 'snap-id' and name = any($2)
			or kind = 'charm' and name = any($3) or kind = 'charm-id' and name = any($4)`
	var snaps, snapIDs, charms, charmIDs []string
	for _, s := range a.in.Snaps {
		snaps, snapIDs = append(snaps, s.Name), append(snapIDs, s.SnapID)
	}
	for _, c := range a.in.Charms {
		charms, charmIDs = append(charms, c.Name), append(charmIDs, c.ID)
	}
	if len(snaps)+len(charms) > 0 {
		a.queue.Queue(lockWanted, wantedLock)
		a.queue.Queue(q, snaps, snapIDs, charms, charmIDs)
	}
}
