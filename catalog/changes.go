package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
)

// Position is a state of the catalogue that somebody has loaded. The zero value is none.
type Position struct {
	generation int64
	// store and token tell the states of other databases and of restored backups apart from this one.
	store, token string
	// at is the time of the database.
	at time.Time
}

// Changes are the differences between two states of the catalogue.
type Changes struct {
	// IsWhole means that everything is read, since the differences are unknown. The fields up to HasImages are then empty.
	IsWhole bool
	// SnapIDs, CharmIDs and Assertions name the items that may have changed. The ones that are not read are not there any more.
	SnapIDs, CharmIDs []string
	Assertions        []assertion.Ref
	// HasImages reports that Snapshot has the images, since they may have changed.
	HasImages bool
	// Snapshot is the newer state. Its Snaps, Assertions and Holds are empty. Its Charms are the ones of CharmIDs, or all of them.
	Snapshot *Snapshot
	// Position is the newer state.
	Position Position
}

// MergeCharms returns all charms and images after the changes of the ones before, which are nil if everything was read.
func (c *Changes) MergeCharms(before *Snapshot) *Snapshot {
	out := &Snapshot{Charms: c.Snapshot.Charms, Images: c.Snapshot.Images, ImageTags: c.Snapshot.ImageTags, Repositories: c.Snapshot.Repositories}
	if c.IsWhole || before == nil {
		return out
	}
	if !c.HasImages {
		out.Images, out.ImageTags, out.Repositories = before.Images, before.ImageTags, before.Repositories
	}
	for i := range before.Charms {
		if !slices.Contains(c.CharmIDs, before.Charms[i].ID) {
			out.Charms = append(out.Charms, before.Charms[i])
		}
	}
	slices.SortFunc(out.Charms, func(a, b Charm) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Sink gets a catalogue in parts, from several goroutines. Values and texts in bytes are only valid during the call.
type Sink struct {
	// Start comes first. Snapshot and Position are not set yet.
	Start     func(*Changes) error
	Snap      func(*RawSnap) error
	Assertion func(*Assertion) error
}

// Load reads the items that have changed since a position, or everything if that is unknown, as of one moment.
func (r *Reader) Load(ctx context.Context, since Position, sink Sink) (*Changes, error) {
	var out *Changes
	err := pgx.BeginTxFunc(ctx, r.pool, oneMoment, func(tx pgx.Tx) (err error) {
		out, err = (&follower{loader: loader{ctx: ctx, tx: tx, c: &Snapshot{}, sink: sink}, pool: r.pool}).load(since)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", interpret(err))
	}
	return out, nil
}

// follower reads a catalogue, or the changes of it.
type follower struct {
	loader
	pool *pgxpool.Pool
	out  Changes
}

func (f *follower) load(since Position) (*Changes, error) {
	if err := f.position(); err != nil {
		return nil, err
	}
	known, err := f.knows(since)
	if err != nil {
		return nil, err
	}
	if f.out.IsWhole = !known; known {
		err = f.changes(since)
	} else {
		err = f.everything()
	}
	if err == nil {
		err = f.state()
	}
	f.out.Snapshot, f.out.Position.store = f.c, f.c.Moment.Store
	return &f.out, err
}

// position reads the present state.
func (f *follower) position() error {
	const q = `select number, now(), coalesce(token::text, '') from generation left join generation_change using (number)`
	now := &f.out.Position
	return f.tx.QueryRow(f.ctx, q).Scan(&now.generation, &now.at, &now.token)
}

// knows reports whether the database has all changes since a state.
func (f *follower) knows(since Position) (known bool, err error) {
	const q = `
		select coalesce(bool_or(number = $1 and token::text = $3), false) and count(*) = $2 - $1 + 1
			and coalesce((select extract(epoch from min(imported_at))::text from import), '') = $4
			and not exists (select from changed_item join generation_change using (xid) where number > $1 and number <= $2 and kind = 'all')
		from generation_change where number between $1 and $2`
	now := f.out.Position.generation
	if since.token == "" || since.generation > now {
		return false, nil
	}
	err = f.tx.QueryRow(f.ctx, q, since.generation, now, since.token, since.store).Scan(&known)
	return known, err
}

// changes reads the items that have changed since a known state, and the ones whose hold has ended by itself.
func (f *follower) changes(since Position) error {
	const items = `
		select distinct kind, id from changed_item join generation_change using (xid) where number > $1 and kind <> 'assertion'
		union select kind, id from hold where held_until > $2 and held_until <= now()`
	const assertions = `
		select distinct substr(id, 1, strpos(id, '{') - 1) as type, substr(id, strpos(id, '{'))::text[] as primary_key
		from changed_item join generation_change using (xid) where number > $1 and kind = 'assertion'`
	var kind, id string
	f.charmIDs = []string{}
	err := f.each(items, []any{&kind, &id}, func() error {
		switch kind {
		case "snap":
			f.out.SnapIDs = append(f.out.SnapIDs, id)
		case "charm":
			f.charmIDs = append(f.charmIDs, id)
		case "image":
			f.out.HasImages = true
		}
		return nil
	}, since.generation, since.at)
	if err != nil {
		return err
	}
	f.out.CharmIDs = f.charmIDs
	var ref assertion.Ref
	if err := f.each(assertions, []any{&ref.Type, &ref.PrimaryKey}, func() error {
		f.out.Assertions = append(f.out.Assertions, ref)
		ref.PrimaryKey = nil
		return nil
	}, since.generation); err != nil {
		return err
	}
	if err := f.sink.Start(&f.out); err != nil {
		return err
	}
	for page := range slices.Chunk(f.out.SnapIDs, snapPageSize) {
		if err := f.snaps(page); err != nil {
			return err
		}
	}
	if len(f.out.Assertions) > 0 {
		const q = `select a.type, a.primary_key, format, revision, raw from (` + assertions + `) i join assertion a using (type, primary_key)`
		if err := f.eachAssertion(q, since.generation); err != nil {
			return err
		}
	}
	return f.others()
}

// others reads the charms and images that have changed.
func (f *follower) others() error {
	if len(f.charmIDs) > 0 {
		if err := f.allOf(f.charms, f.charmRevisions, f.charmResources, f.charmChannels, f.charmHistory, f.charmHolds); err != nil {
			return err
		}
	}
	if f.out.HasImages {
		return f.allOf(f.images, f.imageTags, f.repositories)
	}
	return nil
}

func (f *follower) allOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// everything reads the whole catalogue, over several connections.
func (f *follower) everything() error {
	f.out.HasImages = true
	if err := f.sink.Start(&f.out); err != nil {
		return err
	}
	ids, err := f.snapIDs()
	if err != nil {
		return err
	}
	jobs := []func(*loader) error{(*loader).assertions}
	for page := range slices.Chunk(ids, snapPageSize) {
		jobs = append(jobs, func(l *loader) error { return l.snaps(page) })
	}
	if err := f.share(jobs); err != nil {
		return err
	}
	return f.allOf(f.charms, f.charmRevisions, f.charmResources, f.charmChannels, f.charmHistory, f.charmHolds, f.images, f.imageTags, f.repositories)
}

// loadConnections is the number of connections that read a whole catalogue. While one waits for the database, others decode.
const loadConnections = 3

// share does jobs over this connection and further ones, if the database lets them see the same state.
func (f *follower) share(jobs []func(*loader) error) error {
	todo := make(chan func(*loader) error, len(jobs))
	for _, job := range jobs {
		todo <- job
	}
	close(todo)
	work := func(l *loader) error {
		for job := range todo {
			if err := job(l); err != nil {
				return err
			}
		}
		return nil
	}
	// A standby may be one of several servers behind one name, and the others do not know its states.
	const export = `select case when pg_is_in_recovery() then '' else pg_export_snapshot() end`
	var state string
	if err := f.tx.QueryRow(f.ctx, export).Scan(&state); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(f.ctx)
	g.Go(func() error { return work(&loader{ctx: ctx, tx: f.tx, c: f.c, sink: f.sink}) })
	for range min(loadConnections, len(jobs)) - 1 {
		g.Go(func() error {
			tx, err := f.joinState(ctx, state)
			if err != nil || tx == nil {
				return nil // the other connections do all jobs
			}
			defer tx.Rollback(context.WithoutCancel(ctx))
			return work(&loader{ctx: ctx, tx: tx, c: f.c, sink: f.sink})
		})
	}
	return g.Wait()
}

// joinState returns a transaction over another connection that sees an exported state, or nil without one.
func (f *follower) joinState(ctx context.Context, state string) (pgx.Tx, error) {
	if state == "" {
		return nil, nil
	}
	tx, err := f.pool.BeginTx(ctx, oneMoment)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `set transaction snapshot '`+state+`'`); err != nil {
		return nil, errors.Join(err, tx.Rollback(ctx))
	}
	return tx, nil
}
