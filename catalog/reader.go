package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// Reader is the catalogue for reading only. Its connections refuse to write, except in transactions that say so.
type Reader struct {
	pool *pgxpool.Pool
	mu   sync.Mutex
	conn *pgxpool.Conn // listens for changes
	// fullNonces reports whether session_nonce holds as many rows as it may.
	fullNonces atomic.Bool
	// fullRequests reports the same of serial_request.
	fullRequests atomic.Bool
}

// OpenReader connects to a catalogue that Open has prepared.
func OpenReader(ctx context.Context, dsn string) (*Reader, error) {
	pool, err := connect(ctx, dsn, true)
	if err != nil {
		return nil, err
	}
	return &Reader{pool: pool}, nil
}

// Close closes the connections.
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.conn.Release()
		r.conn = nil
	}
	closePool(r.pool)
}

// Generation returns the number of the catalogue's newest state.
func (r *Reader) Generation(ctx context.Context) (n int64, err error) {
	err = r.pool.QueryRow(ctx, `select number from generation`).Scan(&n)
	return n, interpret(err)
}

// WaitForChange returns when the catalogue was changed after the first call, or with an error when the connection breaks or ctx
// ends. A change between two calls ends the next call at once.
func (r *Reader) WaitForChange(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		conn, err := r.pool.Acquire(ctx)
		if err != nil {
			return interpret(err)
		}
		if _, err := conn.Exec(ctx, "listen "+channelName); err != nil {
			conn.Release()
			return interpret(err)
		}
		r.conn = conn
	}
	if _, err := r.conn.Conn().WaitForNotification(ctx); err != nil {
		// A connection with an interrupted wait is not used again.
		closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		r.conn.Conn().Close(closeCtx)
		r.conn.Release()
		r.conn = nil
		return interpret(err)
	}
	return nil
}

// LoadSnapshot reads everything that devices are served, as of one moment.
func (r *Reader) LoadSnapshot(ctx context.Context) (*Snapshot, error) {
	return loadSnapshot(ctx, r.pool)
}

// LoadSnapshot reads everything that devices are served, as of one moment.
func (db *DB) LoadSnapshot(ctx context.Context) (*Snapshot, error) { return loadSnapshot(ctx, db.pool) }

func loadSnapshot(ctx context.Context, pool *pgxpool.Pool) (*Snapshot, error) {
	c := &Snapshot{}
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, opts, func(tx pgx.Tx) error {
		return (&loader{ctx: ctx, tx: tx, c: c, byID: make(map[string]*Snap)}).run()
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", interpret(err))
	}
	return c, nil
}

// loader reads a catalogue in one transaction.
type loader struct {
	ctx  context.Context
	tx   pgx.Tx
	c    *Snapshot
	byID map[string]*Snap

	charmByID map[string]*Charm
}

func (l *loader) run() error {
	if err := l.tx.QueryRow(l.ctx, `select number from generation`).Scan(&l.c.Generation); err != nil {
		return err
	}
	const imports = `
		select count(*), coalesce(max(imported_at), '0001-01-01Z'), greatest(coalesce(max(id), 0), (select coalesce(max(id), 0) from rollback)),
			(select coalesce(max(id), 0) from snap_override_history), coalesce(extract(epoch from min(imported_at))::text, '') from import`
	now := &l.c.Moment
	if err := l.tx.QueryRow(l.ctx, imports).Scan(&l.c.Imports, &l.c.LastImport, &now.Import, &now.Override, &now.Store); err != nil {
		return err
	}
	for _, step := range []func() error{
		l.snaps, l.revisions, l.components, l.channels, l.overrides, l.history, l.overridden, l.assertions,
		l.charms, l.charmRevisions, l.charmResources, l.charmChannels, l.charmHistory, l.holds, l.images, l.imageTags, l.repositories, l.stores, l.modelPolicies,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) snaps() error {
	const q = `
		select snap_id, name, default_track, details, coalesce(icon, ''), coalesce(icon_type, ''), coalesce(size, 0)
		from snap left join blob on icon = digest order by name collate "C"`
	var s Snap
	var details, icon, iconType string
	var size int64
	err := l.each(q, []any{&s.SnapID, &s.Name, &s.DefaultTrack, &details, &icon, &iconType, &size}, func() error {
		s.Details, s.Icon = snap.Details{}, nil
		if icon != "" {
			s.Icon = &Icon{digest.Digest(icon), iconType, size}
		}
		if err := json.Unmarshal([]byte(details), &s.Details); err != nil {
			return fmt.Errorf("snap %s: %w", s.Name, err)
		}
		l.c.Snaps = append(l.c.Snaps, s)
		return nil
	})
	for i := range l.c.Snaps {
		l.byID[l.c.Snaps[i].SnapID] = &l.c.Snaps[i]
	}
	return err
}

func (l *loader) revisions() error {
	const q = `select snap_id, revision, item, coalesce(contents, 'null'), blob, resources from snap_revision order by snap_id, revision`
	var id, item, contents, blob string
	var number int
	var resources []string
	return l.each(q, []any{&id, &number, &item, &contents, &blob, &resources}, func() error {
		r := SnapRevision{Blob: digest.Digest(blob)}
		if err := cmp.Or(json.Unmarshal([]byte(item), &r.Revision), json.Unmarshal([]byte(contents), &r.Revision.Contents)); err != nil {
			return fmt.Errorf("snap %s revision %d: %w", id, number, err)
		}
		for i, d := range resources { // the column holds both
			if i < len(r.Resources) {
				r.ResourceBlobs = append(r.ResourceBlobs, digest.Digest(d))
			} else {
				r.IntegrityBlobs = append(r.IntegrityBlobs, digest.Digest(d))
			}
		}
		s := l.byID[id]
		s.Revisions = append(s.Revisions, r)
		return nil
	})
}

func (l *loader) components() error {
	const q = `
		select snap_id, revision, name, component_revision, c.blob, size, coalesce(c.item::text, '')
		from snap_component c join snap_revision r using (snap_id, revision) join blob on c.blob = digest where c.blob <> all(resources)
		order by snap_id, revision, name collate "C", component_revision, c.blob`
	var id, file, item string
	var number int
	var c ComponentFile
	return l.each(q, []any{&id, &number, &c.Name, &c.Revision, &file, &c.Size, &item}, func() error {
		c.Blob = digest.Digest(file)
		list := l.byID[id].Revisions
		i, _ := slices.BinarySearchFunc(list, number, func(r SnapRevision, n int) int { return cmp.Compare(r.Revision.Number, n) })
		list[i].OlderComponents = append(list[i].OlderComponents, c)
		if item == "" {
			return nil
		}
		var described snap.Resource
		if err := json.Unmarshal([]byte(item), &described); err != nil {
			return fmt.Errorf("snap %s revision %d: component %s: %w", id, number, c.Name, err)
		}
		list[i].Further = append(list[i].Further, described)
		return nil
	})
}

func (l *loader) channels() error {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at from channel_map
		order by snap_id, architecture collate "C", channel collate "C", revision`
	return l.releases(q, func(s *Snap) *[]snap.Release { return &s.ChannelMap })
}

func (l *loader) history() error {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, coalesce(rollback_id, import_id) from channel_history
		order by snap_id, signed_at desc, id desc`
	err := l.events(q, func(s *Snap, e Event) {
		s.History = append(s.History, e.Release)
		s.Imported = append(s.Imported, e)
	})
	for _, s := range l.byID {
		slices.SortStableFunc(s.Imported, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	}
	return err
}

// events calls add with the releases of a history.
func (l *loader) events(q string, add func(*Snap, Event)) error {
	var id string
	var e Event
	return l.each(q, []any{&id, &e.Architecture, &e.Channel, &e.Revision, &e.ReleasedAt, &e.ID}, func() error {
		add(l.byID[id], e)
		return nil
	})
}

func (l *loader) releases(q string, list func(*Snap) *[]snap.Release) error {
	var id string
	var row snap.Release
	return l.each(q, []any{&id, &row.Architecture, &row.Channel, &row.Revision, &row.ReleasedAt}, func() error {
		rows := list(l.byID[id])
		*rows = append(*rows, row)
		return nil
	})
}

func (l *loader) assertions() error {
	const q = `select type, primary_key, format, revision, raw from assertion`
	var a Assertion
	return l.each(q, []any{&a.Type, &a.PrimaryKey, &a.Format, &a.Revision, &a.Raw}, func() error {
		l.c.Assertions = append(l.c.Assertions, a)
		a.PrimaryKey, a.Raw = nil, nil
		return nil
	})
}

// each runs a query and calls row after each row was scanned into dest.
func (l *loader) each(q string, dest []any, row func() error) error {
	rows, err := l.tx.Query(l.ctx, q)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, row)
	return err
}
