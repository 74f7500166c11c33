package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/channel"
	"offlinestore/snap"
)

// EdgeOverrideChange asks for a revision in a channel of a snap upstream, for the architectures that the revision runs on. Revision 0 asks for
// upstream's revision again, for all architectures.
type EdgeOverrideChange struct {
	Name, SnapID string
	Channel      string
	Revision     int
	// Architectures is not used with Revision 0.
	Architectures []string
}

const edgeOverrideColumns = `snap_id, name, architecture, channel, revision, set_by, set_at`

// EdgeOverrides returns the overrides of upstream's channels of a snap, or of all snaps if name is empty, sorted by name, channel and
// architecture. Upstream is 0 in all of them.
func (db *DB) EdgeOverrides(ctx context.Context, name string) ([]Override, error) {
	return edgeOverrides(ctx, db.pool, `where $1 in ('', name)`, text(name))
}

// EdgeOverrides returns the overrides of upstream's channels of all snaps, as [DB.EdgeOverrides] does.
func (r *Reader) EdgeOverrides(ctx context.Context) ([]Override, error) {
	return edgeOverrides(ctx, r.pool, ``)
}

// EdgeOverridesVersion returns a text that changes whenever the overrides of upstream's channels change.
func (r *Reader) EdgeOverridesVersion(ctx context.Context) (version string, err error) {
	if err := r.pool.QueryRow(ctx, `select overrides::text from edge_version`).Scan(&version); err != nil {
		return "", fmt.Errorf("read the version of the overrides: %w", interpret(err))
	}
	return version, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func edgeOverrides(ctx context.Context, from querier, where string, args ...any) (list []Override, err error) {
	const order = ` order by name collate "C", channel collate "C", architecture collate "C"`
	rows, err := from.Query(ctx, `select `+edgeOverrideColumns+` from edge_override `+where+order, args...)
	if err == nil {
		var o Override
		_, err = pgx.ForEachRow(rows, []any{&o.SnapID, &o.Name, &o.Architecture, &o.Channel, &o.Revision, &o.SetBy, &o.SetAt}, func() error {
			list = append(list, o)
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("list overrides of upstream's channels: %w", interpret(err))
	}
	return list, nil
}

// SetEdgeOverrides makes all changes of upstream's channels, or none of them, and tells the servers. It returns the new state of each channel
// and architecture, in the order of the changes; a deletion that finds nothing returns none. by names the operator.
func (db *DB) SetEdgeOverrides(ctx context.Context, by string, changes []EdgeOverrideChange) (done []Override, err error) {
	if len(changes) > MaxOverrides {
		return nil, fmt.Errorf("override: %d changes, at most %d are taken at once", len(changes), MaxOverrides)
	}
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		o := &edgeOverrider{ctx: ctx, tx: tx, by: text(by)}
		for _, c := range changes {
			if err := o.change(c); err != nil {
				return err
			}
		}
		done = o.done
		if len(o.acts) == 0 {
			return nil
		}
		if err := bumpEdge(ctx, tx); err != nil {
			return err
		}
		return appendAudit(ctx, tx, o.acts...)
	})
	if err != nil {
		return nil, fmt.Errorf("override: %w", interpret(err))
	}
	return done, nil
}

// bumpEdge makes servers read the overrides of upstream's channels again.
func bumpEdge(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `update edge_version set overrides = gen_random_uuid()`)
	return err
}

// edgeOverrider changes overrides of upstream's channels in one transaction.
type edgeOverrider struct {
	ctx  context.Context
	tx   pgx.Tx
	by   string
	done []Override
	acts []audit.Act
}

func (o *edgeOverrider) change(c EdgeOverrideChange) error {
	ch, err := channel.Parse(c.Channel)
	if err != nil {
		return &ChannelError{err}
	}
	at := Override{Name: text(c.Name), SnapID: text(c.SnapID), Channel: ch.Full(), Revision: c.Revision, SetBy: o.by}
	archs := slices.Clone(c.Architectures)
	slices.Sort(archs)
	archs = slices.Compact(archs)
	if slices.Contains(archs, snap.All) {
		archs = []string{snap.All}
	}
	if c.Revision == 0 || slices.Contains(archs, snap.All) {
		if err := o.clear(at); err != nil {
			return err
		}
	}
	if c.Revision == 0 {
		return nil
	}
	for _, arch := range archs {
		at.Architecture = text(arch)
		if err := o.set(at); err != nil {
			return err
		}
	}
	return nil
}

func (o *edgeOverrider) set(at Override) error {
	const q = `
		with old as (select revision from edge_override where snap_id = $1 and architecture = $3 and channel = $4)
		insert into edge_override (snap_id, name, architecture, channel, revision, set_by) values ($1, $2, $3, $4, $5, $6)
		on conflict (snap_id, architecture, channel) do update set name = excluded.name, revision = excluded.revision, set_by = excluded.set_by, set_at = now()
		returning set_at, coalesce((select revision from old), 0)`
	var before int
	if err := o.tx.QueryRow(o.ctx, q, at.SnapID, at.Name, at.Architecture, at.Channel, at.Revision, at.SetBy).Scan(&at.SetAt, &before); err != nil {
		return err
	}
	o.acts = append(o.acts, overrideAct(at, before))
	o.done = append(o.done, at)
	return nil
}

// clear deletes the overrides of a channel for which a new one leaves no place: those for an architecture if it is for all of them, or all of
// them if there is no new one.
func (o *edgeOverrider) clear(at Override) error {
	const q = `delete from edge_override where snap_id = $1 and architecture = $2 and channel = $3`
	list, err := edgeOverrides(o.ctx, o.tx, `where snap_id = $1 and channel = $2`, at.SnapID, at.Channel)
	if err != nil {
		return err
	}
	for _, old := range list {
		if at.Revision > 0 && old.Architecture == snap.All {
			continue
		}
		if _, err := o.tx.Exec(o.ctx, q, old.SnapID, old.Architecture, old.Channel); err != nil {
			return err
		}
		before := old.Revision
		old.Revision, old.SetBy = 0, o.by
		o.acts = append(o.acts, overrideAct(old, before))
		if at.Revision == 0 {
			o.done = append(o.done, old)
		}
	}
	return nil
}
