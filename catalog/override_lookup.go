package catalog

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/snap"
)

// snap returns the snap-id of a snap in the catalogue.
func (o *overrider) snap(name string) (id string, err error) {
	const q = `select snap_id from snap where name = $1`
	err = o.tx.QueryRow(o.ctx, q, text(name)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", &NotFoundError{What: fmt.Sprintf("snap %.60q", name)}
	}
	return id, err
}

// architectures returns the architectures that the revision supports.
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
		err = &NotFoundError{What: fmt.Sprintf("revision %d of %s", at.Revision, at.Name), Available: here}
	}
	slices.Sort(found)
	return slices.Compact(found), err
}

// requireChannel rejects a channel of bundles for an operator's own one, and an unknown track for others.
func (o *overrider) requireChannel(at Override, track string) error {
	if !at.own {
		return o.requireTrack(at, track)
	}
	channels, err := o.channels(at)
	if err == nil && slices.Contains(channels, at.Channel) {
		err = &ImportedChannelError{Name: at.Name, Channel: at.Channel}
	}
	return err
}

// ImportedChannelError reports a channel that bundles have set, and that is no operator's own.
type ImportedChannelError struct{ Name, Channel string }

// Error names the channel.
func (e *ImportedChannelError) Error() string {
	return fmt.Sprintf("bundles have set %s of %s: it is no channel of your own", e.Channel, e.Name)
}

// notOwn returns an error that lists the operator's own channels of the snap.
func (o *overrider) notOwn(at Override) error {
	const q = `
		select distinct channel collate "C" as c from snap_override o where snap_id = $1
			and not exists (select from channel_map m where m.snap_id = o.snap_id and m.channel = o.channel) order by c`
	own, err := o.strings(q, at.SnapID)
	if err != nil {
		return err
	}
	return &NotFoundError{What: "a channel " + at.Channel + " of your own for " + at.Name, Available: own}
}

// requireTrack rejects a track without imported channels. No client follows it, so the operator mistyped it.
func (o *overrider) requireTrack(at Override, track string) error {
	channels, err := o.channels(at)
	if err != nil {
		return err
	}
	if len(channels) == 0 || slices.ContainsFunc(channels, func(c string) bool { return strings.HasPrefix(c, track+"/") }) {
		return nil
	}
	return o.channelNotFound(at, "track "+track)
}

// channelNotFound returns an error that lists the channels of the snap.
func (o *overrider) channelNotFound(at Override, what string) error {
	channels, err := o.channels(at)
	if err != nil {
		return err
	}
	return &NotFoundError{What: what + " of " + at.Name, Available: channels}
}

// channels returns the channels that have an imported row.
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

// loadUpstream sets the revision that was imported for the channel: of the newest epoch, if the channel has several. For all
// architectures, it is the highest of any architecture.
func (o *overrider) loadUpstream(at *Override) error {
	const q = `
		select architecture, revision, coalesce(item ->> 'epoch', 'null') from channel_map join snap_revision using (snap_id, revision)
		where snap_id = $1 and channel = $2 and (architecture = $3 or $3 = $4)`
	rows, err := o.tx.Query(o.ctx, q, at.SnapID, at.Channel, at.Architecture, snap.All)
	if err != nil {
		return err
	}
	var arch, text string
	var release channelmap.Release[struct{}]
	newest := make(map[string]channelmap.Release[struct{}])
	_, err = pgx.ForEachRow(rows, []any{&arch, &release.Revision, &text}, func() (err error) {
		release.Epoch, err = parseEpoch(text)
		if have, ok := newest[arch]; !ok || release.Epoch.Compare(have.Epoch) > 0 {
			newest[arch] = release
		}
		return err
	})
	at.Upstream = 0
	for _, r := range newest {
		at.Upstream = max(at.Upstream, r.Revision)
	}
	return err
}

func (o *overrider) strings(q string, args ...any) (list []string, err error) {
	rows, err := o.tx.Query(o.ctx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (o *overrider) list(where string, args ...any) (list []Override, err error) {
	rows, err := o.tx.Query(o.ctx, `select `+overrideColumns+` from snap_override o join snap using (snap_id) `+where, args...)
	if err != nil {
		return nil, err
	}
	var r Override
	_, err = pgx.ForEachRow(rows, []any{&r.SnapID, &r.Name, &r.Architecture, &r.Channel, &r.Revision, &r.SetBy, &r.SetAt}, func() error {
		list = append(list, r)
		return nil
	})
	slices.SortFunc(list, func(a, b Override) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Channel, b.Channel), strings.Compare(a.Architecture, b.Architecture))
	})
	return list, err
}
