package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/channel"
	"offlinestore/snap"
)

// snap is the snap-id of a snap that is here.
func (o *overrider) snap(name string) (id string, err error) {
	const q = `select snap_id from snap where name = $1`
	err = o.tx.QueryRow(o.ctx, q, text(name)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", &NotHereError{What: fmt.Sprintf("snap %.60q", name)}
	}
	return id, err
}

// architectures are those that the revision supports.
func (o *overrider) architectures(at Override) ([]string, error) {
	const q = `select revision, item from snap_revision where snap_id = $1 order by revision desc`
	rows, err := o.tx.Query(o.ctx, q, at.SnapID)
	if err != nil {
		return nil, err
	}
	var number int
	var item string
	var here, found []string
	_, err = pgx.ForEachRow(rows, []any{&number, &item}, func() error {
		var r snap.Revision
		if err := json.Unmarshal([]byte(item), &r); err != nil {
			return fmt.Errorf("snap %s revision %d: %w", at.Name, number, err)
		}
		if number == at.Revision {
			found = r.Architectures
		}
		here = append(here, fmt.Sprintf("%d (%s)", number, strings.Join(r.Architectures, " ")))
		return nil
	})
	if err == nil && len(found) == 0 {
		err = &NotHereError{What: fmt.Sprintf("revision %d of %s", at.Revision, at.Name), Here: here}
	}
	slices.Sort(found)
	return slices.Compact(found), err
}

// checkTrack refuses a track that nothing was imported for: nobody would follow it, and it is a slip of the pen.
func (o *overrider) checkTrack(at Override, track string) error {
	channels, err := o.channels(at)
	if err != nil {
		return err
	}
	if len(channels) == 0 || slices.ContainsFunc(channels, func(c string) bool { return strings.HasPrefix(c, track+"/") }) {
		return nil
	}
	return o.noChannel(at, "track "+track)
}

// noChannel says which channels there are instead of what.
func (o *overrider) noChannel(at Override, what string) error {
	channels, err := o.channels(at)
	if err != nil {
		return err
	}
	return &NotHereError{What: what + " of " + at.Name, Here: channels}
}

// channels are those that something was imported for.
func (o *overrider) channels(at Override) ([]string, error) {
	const q = `select distinct channel collate "C" as c from channel_map where snap_id = $1 order by c`
	list, err := o.strings(q, at.SnapID)
	for i, s := range list {
		if c, err := channel.Parse(s); err == nil {
			list[i] = c.Full()
		}
	}
	return list, err
}

// addUpstream finds what was imported for a channel. For all architectures that is what was imported for any.
func (o *overrider) addUpstream(at *Override) error {
	const q = `
		select coalesce(max(revision), 0) from channel_map
		where snap_id = $1 and channel = $2 and (architecture = $3 or $3 = $4)`
	return o.tx.QueryRow(o.ctx, q, at.SnapID, at.Channel, at.Architecture, snap.All).Scan(&at.Upstream)
}

func (o *overrider) strings(q string, args ...any) (list []string, err error) {
	rows, err := o.tx.Query(o.ctx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
