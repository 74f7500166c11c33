package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/channel"
	"offlinestore/snap"
)

// MaxOverrides is the number of changes that one call of SetOverrides accepts.
const MaxOverrides = 500

// Override is a revision that an operator put into a channel of a snap in place of the imported one.
type Override struct {
	Name, SnapID string
	// Architecture is snap.All if the revision runs on all architectures.
	Architecture string
	// Channel includes its track: latest/stable.
	Channel string
	// Revision is 0 if SetOverrides has just deleted the override.
	Revision int
	// Upstream is the revision that was imported for the channel, 0 for none.
	Upstream int
	// SetBy and SetAt name the operator and the time.
	SetBy string
	SetAt time.Time
	own   bool
}

// OverrideChange asks for a revision in a channel, for every architecture that it supports. Revision 0 asks for the imported
// revision again, for all architectures.
type OverrideChange struct {
	Name, Channel string
	Revision      int
	// Own means that the channel is the operator's own: no bundle has it, and its track may be new.
	Own bool
}

// NotFoundError reports that a snap, channel or revision is not in the store. It lists the available ones.
type NotFoundError struct {
	What      string
	Available []string
	// Upstream means that the store upstream lacks it.
	Upstream bool
}

// Error returns a text with a limited number of the available ones.
func (e *NotFoundError) Error() string {
	const most = 20
	list, text := e.Available, e.What+" is not in this store"
	here := "here"
	if e.Upstream {
		text, here = e.What+" is not in the store upstream", "there"
	}
	if len(list) == 0 {
		return text
	}
	if len(list) > most {
		list = append(slices.Clone(list[:most]), "…")
	}
	return fmt.Sprintf("%s; %s: %s", text, here, strings.Join(list, ", "))
}

// ChannelError reports an override with an invalid channel.
type ChannelError struct{ Err error }

// Error returns the text of the wrapped error.
func (e *ChannelError) Error() string { return e.Err.Error() }

// Unwrap returns the error of package channel.
func (e *ChannelError) Unwrap() error { return e.Err }

const overrideColumns = `o.snap_id, name, o.architecture, o.channel, o.revision, set_by, set_at`

// Overrides returns the overrides of a snap, or of all snaps if name is empty, sorted by name, channel and architecture.
func (db *DB) Overrides(ctx context.Context, name string) (list []Override, err error) {
	err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		o := &overrider{ctx: ctx, tx: tx}
		if name != "" {
			if _, err := o.snap(name); err != nil {
				return err
			}
		}
		if list, err = o.list(`where $1 in ('', name)`, name); err != nil {
			return err
		}
		for i := range list {
			if err := o.loadUpstream(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list overrides: %w", interpret(err))
	}
	return list, nil
}

// SetOverrides makes all changes, or none of them, and notifies the servers. Beside other changes, a deletion may find nothing. It
// returns the new state of each channel and architecture, in the order of the changes. by names the operator.
func (db *DB) SetOverrides(ctx context.Context, by string, changes []OverrideChange) (done []Override, err error) {
	if len(changes) > MaxOverrides {
		return nil, fmt.Errorf("override: %d changes, at most %d are taken at once", len(changes), MaxOverrides)
	}
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := lockApply(ctx, tx); err != nil {
			return err
		}
		o := &overrider{ctx: ctx, tx: tx, by: text(by)}
		if err := o.changeAll(changes); err != nil {
			return err
		}
		done = o.done
		if err := bump(ctx, tx); err != nil {
			return err
		}
		return appendAudit(ctx, tx, o.acts...)
	})
	if err != nil {
		return nil, fmt.Errorf("override: %w", interpret(err))
	}
	return done, nil
}

// overrider changes overrides in one transaction.
type overrider struct {
	ctx  context.Context
	tx   pgx.Tx
	by   string
	done []Override
	acts []audit.Act
}

// changeAll makes the changes. A deletion that finds nothing is left out. If no change is left, it is an error.
func (o *overrider) changeAll(changes []OverrideChange) error {
	var nothing error
	for _, c := range changes {
		err := o.change(c)
		if _, missing := errors.AsType[*NotFoundError](err); missing && c.Revision == 0 {
			nothing = cmp.Or(nothing, err)
		} else if err != nil {
			return err
		}
	}
	if len(o.done) > 0 {
		return nil
	}
	return nothing
}

func (o *overrider) change(c OverrideChange) error {
	ch, err := channel.Parse(c.Channel)
	if err != nil {
		return &ChannelError{err}
	}
	id, err := o.snap(c.Name)
	if err != nil {
		return err
	}
	at := Override{Name: c.Name, SnapID: id, Channel: ch.Full(), Revision: c.Revision, SetBy: o.by, own: c.Own}
	if c.Revision == 0 {
		return o.remove(at)
	}
	if err := o.requireChannel(at, ch.WithTrack(channel.DefaultTrack).Track); err != nil {
		return err
	}
	archs, err := o.architectures(at)
	if err != nil {
		return err
	}
	if slices.Contains(archs, snap.All) {
		// An override for one architecture must not hide the new one for all.
		archs = []string{snap.All}
		if err := o.clear(at, func(old Override) bool { return old.Architecture != snap.All }); err != nil {
			return err
		}
	}
	for _, arch := range archs {
		at.Architecture = arch
		if err := o.set(at); err != nil {
			return err
		}
	}
	return nil
}

func (o *overrider) set(at Override) error {
	const q = `
		with old as (select revision from snap_override where snap_id = $1 and architecture = $2 and channel = $3)
		insert into snap_override (snap_id, architecture, channel, revision, set_by) values ($1, $2, $3, $4, $5)
		on conflict (snap_id, architecture, channel) do update set revision = excluded.revision, set_by = excluded.set_by, set_at = now()
		returning set_at, coalesce((select revision from old), 0)`
	var before int
	if err := o.tx.QueryRow(o.ctx, q, at.SnapID, at.Architecture, at.Channel, at.Revision, at.SetBy).Scan(&at.SetAt, &before); err != nil {
		return err
	}
	if err := o.updateEdge(at); err != nil {
		return err
	}
	if err := o.remember(at, before); err != nil {
		return err
	}
	return o.addResult(at)
}

// addResult adds the new state of a channel to the answer.
func (o *overrider) addResult(at Override) error {
	if err := o.loadUpstream(&at); err != nil {
		return err
	}
	o.done = append(o.done, at)
	return nil
}

// remove restores the imported revision for all architectures. If there was no override, nothing changes.
func (o *overrider) remove(at Override) error {
	if err := o.removeEdge(at); err != nil {
		return err
	}
	if err := o.clear(at, func(old Override) bool {
		at.Architecture = old.Architecture
		return true
	}); err != nil {
		return err
	}
	if at.Architecture != "" {
		return nil
	}
	if at.own {
		return o.notOwn(at)
	}
	const q = `select distinct architecture collate "C" as architecture from channel_map where snap_id = $1 and channel = $2 and revision is not null order by architecture`
	archs, err := o.strings(q, at.SnapID, at.Channel)
	if err != nil {
		return err
	}
	if len(archs) == 0 {
		return o.channelNotFound(at, "channel "+at.Channel)
	}
	for _, at.Architecture = range archs {
		if err := o.addResult(at); err != nil {
			return err
		}
	}
	return nil
}

// clear deletes the overrides of a channel for which which returns true.
func (o *overrider) clear(at Override, which func(Override) bool) error {
	const q = `delete from snap_override where snap_id = $1 and channel = $2 and architecture = $3`
	list, err := o.list(`where o.snap_id = $1 and channel = $2`, at.SnapID, at.Channel)
	if err != nil {
		return err
	}
	for _, old := range list {
		if !which(old) {
			continue
		}
		if _, err := o.tx.Exec(o.ctx, q, old.SnapID, old.Channel, old.Architecture); err != nil {
			return err
		}
		before := old.Revision
		old.Revision, old.SetBy, old.own = 0, o.by, at.own
		if err := o.remember(old, before); err != nil {
			return err
		}
		if at.Revision == 0 {
			if err := o.addResult(old); err != nil {
				return err
			}
		}
	}
	return nil
}

// remember adds the change of one row to the history and to the audit trail. The override was before, or 0.
func (o *overrider) remember(at Override, before int) error {
	o.acts = append(o.acts, overrideAct(at, before))
	const q = `insert into snap_override_history (snap_id, architecture, channel, revision, set_by) values ($1, $2, $3, nullif($4, 0), $5)`
	_, err := o.tx.Exec(o.ctx, q, at.SnapID, at.Architecture, at.Channel, at.Revision, at.SetBy)
	return err
}
