package catalog

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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

// oneMoment are the options of a transaction that reads one state.
var oneMoment = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

func loadSnapshot(ctx context.Context, pool *pgxpool.Pool) (*Snapshot, error) {
	var c *Snapshot
	err := pgx.BeginTxFunc(ctx, pool, oneMoment, func(tx pgx.Tx) (err error) {
		c, err = snapshotIn(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", interpret(err))
	}
	return c, nil
}

// snapshotIn reads everything in a transaction.
func snapshotIn(ctx context.Context, tx pgx.Tx) (*Snapshot, error) {
	c := &Snapshot{}
	l := &loader{ctx: ctx, tx: tx, c: c, sink: Sink{
		Snap: func(raw *RawSnap) error {
			s, err := raw.Decode()
			if err == nil {
				c.Snaps = append(c.Snaps, *s)
			}
			return err
		},
		Assertion: func(a *Assertion) error {
			one := *a
			one.Raw = bytes.Clone(a.Raw)
			c.Assertions = append(c.Assertions, one)
			return nil
		},
	}}
	ids, err := l.snapIDs()
	if err != nil {
		return nil, err
	}
	for page := range slices.Chunk(ids, snapPageSize) {
		if err := l.snaps(page); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.Snaps, func(a, b Snap) int { return strings.Compare(a.Name, b.Name) })
	if err := l.assertions(); err != nil {
		return nil, err
	}
	if err := l.rest(); err != nil {
		return nil, err
	}
	return c, l.holds()
}

// loader reads a catalogue in one transaction. It gives snaps and assertions to sink, and puts the others into c.
type loader struct {
	ctx  context.Context
	tx   pgx.Tx
	c    *Snapshot
	sink Sink
	// charmIDs are the only charms to read, unless it is nil.
	charmIDs  []string
	charmByID map[string]*Charm
	texts     arena
}

// rest reads everything but snaps and assertions, and the holds of charms.
func (l *loader) rest() error {
	for _, step := range []func() error{l.charms, l.charmRevisions, l.charmResources, l.charmChannels, l.charmHistory, l.images, l.imageTags, l.repositories} {
		if err := step(); err != nil {
			return err
		}
	}
	return l.state()
}

// state reads the small parts that each change may concern.
func (l *loader) state() error {
	const imports = `
		select count(*), coalesce(max(imported_at), '0001-01-01Z'), greatest(coalesce(max(id), 0), (select coalesce(max(id), 0) from rollback)),
			(select coalesce(max(id), 0) from snap_override_history), coalesce(extract(epoch from min(imported_at))::text, '') from import`
	if err := l.tx.QueryRow(l.ctx, `select number from generation`).Scan(&l.c.Generation); err != nil {
		return err
	}
	now := &l.c.Moment
	if err := l.tx.QueryRow(l.ctx, imports).Scan(&l.c.Imports, &l.c.LastImport, &now.Import, &now.Override, &now.Store); err != nil {
		return err
	}
	const ends = `select coalesce(extract(epoch from min(held_until) - now()), 0)::float8 from hold where held_until is not null and ` + live
	var left float64
	if err := l.tx.QueryRow(l.ctx, ends).Scan(&left); err != nil {
		return err
	}
	l.c.HoldEnds = time.Duration(left * float64(time.Second))
	for _, step := range []func() error{l.stores, l.modelPolicies} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) assertions() error {
	const q = `select type, primary_key, format, revision, raw from assertion`
	return l.eachAssertion(q)
}

func (l *loader) eachAssertion(q string, args ...any) error {
	var a Assertion
	var raw borrowed
	return l.each(q, []any{&a.Type, &a.PrimaryKey, &a.Format, &a.Revision, &raw}, func() error {
		a.Raw = raw
		err := l.sink.Assertion(&a)
		a.PrimaryKey = nil
		return err
	}, args...)
}

// each runs a query and calls row after each row was scanned into dest.
func (l *loader) each(q string, dest []any, row func() error, args ...any) error {
	rows, err := l.tx.Query(l.ctx, q, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, row)
	return err
}
