package catalog

import (
	"bytes"
	"cmp"
	"slices"
	"unique"

	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// snapPageSize is the number of snaps that are read at once, so that the memory of loading does not grow with the catalogue.
const snapPageSize = 1000

// snapIDs returns the IDs of all snaps.
func (l *loader) snapIDs() (ids []string, err error) {
	var id string
	err = l.each(`select snap_id from snap order by snap_id`, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// borrowed is a column that is valid until the next row is read. Without it, a large catalogue is copied once more.
type borrowed []byte

// ScanBytes implements pgtype.BytesScanner.
func (b *borrowed) ScanBytes(v []byte) error {
	*b = v
	return nil
}

// arena holds the texts of a page of snaps. The next page overwrites them.
type arena struct{ free, all []byte }

// copyOf returns a copy that stays until reset.
func (a *arena) copyOf(b []byte) []byte {
	const chunk = 8 << 20
	if len(b) > len(a.free) {
		a.all = make([]byte, max(chunk, len(b)))
		a.free = a.all
	}
	n := copy(a.free, b)
	out := a.free[:n:n]
	a.free = a.free[n:]
	return out
}

func (a *arena) reset() { a.free = a.all }

// snapPage is a part of the snaps, by snap-id.
type snapPage struct {
	*loader
	ids  []string
	byID map[string]*RawSnap
}

// snaps reads the snaps with some IDs, as far as they are there, and gives them to the sink.
func (l *loader) snaps(ids []string) error {
	p := &snapPage{l, ids, make(map[string]*RawSnap, len(ids))}
	l.texts.reset()
	for _, step := range []func() error{p.listings, p.homes, p.revisions, p.components, p.channels, p.overrides, p.history, p.overridden, p.holds} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if s := p.byID[id]; s != nil {
			if err := l.sink.Snap(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *snapPage) listings() error {
	const q = `
		select snap_id, name, default_track, details, coalesce(icon, ''), coalesce(icon_type, ''), coalesce(size, 0)
		from snap left join blob on icon = digest where snap_id = any($1)`
	var s RawSnap
	var details borrowed
	var icon, iconType string
	var size int64
	return p.each(q, []any{&s.SnapID, &s.Name, &s.DefaultTrack, &details, &icon, &iconType, &size}, func() error {
		one := s
		one.Details = p.texts.copyOf(details)
		if icon != "" {
			one.Icon = &Icon{digest.Digest(icon), unique.Make(iconType).Value(), size}
		}
		p.byID[one.SnapID] = &one
		return nil
	}, p.ids)
}

// homes reads the stores that snaps are private to.
func (p *snapPage) homes() error {
	const q = `select snap_id, store_id from snap_home where store_id <> '' and snap_id = any($1)`
	var id, store string
	return p.each(q, []any{&id, &store}, func() error {
		if s := p.byID[id]; s != nil {
			s.Store = store
		}
		return nil
	}, p.ids)
}

func (p *snapPage) revisions() error {
	const q = `
		select snap_id, revision, item, coalesce(contents, 'null'), blob, resources from snap_revision where snap_id = any($1)
		order by snap_id, revision`
	var id, blob string
	var r RawRevision
	var item, contents borrowed
	var resources []string
	return p.each(q, []any{&id, &r.Number, &item, &contents, &blob, &resources}, func() error {
		r.Item, r.Contents = p.texts.copyOf(item), p.texts.copyOf(contents)
		r.Blob, r.Resources = digest.Digest(blob), nil
		for _, d := range resources {
			r.Resources = append(r.Resources, digest.Digest(d))
		}
		s := p.byID[id]
		s.Revisions = append(s.Revisions, r)
		return nil
	}, p.ids)
}

func (p *snapPage) components() error {
	const q = `
		select snap_id, revision, name, component_revision, c.blob, size, coalesce(c.item::text, '')
		from snap_component c join snap_revision r using (snap_id, revision) join blob on c.blob = digest
		where c.blob <> all(resources) and snap_id = any($1)
		order by snap_id, revision, name collate "C", component_revision, c.blob`
	var id, file, item string
	var number int
	var c RawComponent
	return p.each(q, []any{&id, &number, &c.Name, &c.Revision, &file, &c.Size, &item}, func() error {
		c.Blob, c.Item = digest.Digest(file), []byte(item)
		list := p.byID[id].Revisions
		i, _ := slices.BinarySearchFunc(list, number, func(r RawRevision, n int) int { return cmp.Compare(r.Number, n) })
		list[i].Components = append(list[i].Components, c)
		return nil
	}, p.ids)
}

func (p *snapPage) channels() error {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, 0 from channel_map where snap_id = any($1)
		order by snap_id, architecture collate "C", channel collate "C", revision`
	return p.events(q, func(s *RawSnap, e Event) { s.ChannelMap = append(s.ChannelMap, e.Release) })
}

func (p *snapPage) overrides() error {
	const q = `
		select snap_id, architecture, channel, revision, ` + asReleasedAt + `, 0 from snap_override where snap_id = any($1)
		order by snap_id, architecture collate "C", channel collate "C"`
	return p.events(q, func(s *RawSnap, e Event) { s.Overrides = append(s.Overrides, e.Release) })
}

func (p *snapPage) history() error {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), released_at, coalesce(rollback_id, import_id) from channel_history
		where snap_id = any($1) order by snap_id, signed_at desc, id desc`
	return p.events(q, func(s *RawSnap, e Event) { s.History = append(s.History, e) })
}

func (p *snapPage) overridden() error {
	const q = `
		select snap_id, architecture, channel, coalesce(revision, 0), ` + asReleasedAt + `, id from snap_override_history
		where snap_id = any($1) order by snap_id, set_at desc, id desc`
	return p.events(q, func(s *RawSnap, e Event) { s.Overridden = append(s.Overridden, e) })
}

// events calls add with the releases that a query finds.
func (p *snapPage) events(q string, add func(*RawSnap, Event)) error {
	var id, architecture, channel string
	e := Event{Release: snap.Release{}}
	return p.each(q, []any{&id, &architecture, &channel, &e.Revision, &e.ReleasedAt, &e.ID}, func() error {
		e.Architecture, e.Channel = unique.Make(architecture).Value(), unique.Make(channel).Value()
		add(p.byID[id], e)
		return nil
	}, p.ids)
}

// holds reads the holds in force.
func (p *snapPage) holds() error {
	const q = `select id, import_id, rows::text from hold where kind = 'snap' and id = any($1) and ` + live
	var id string
	var h RawHold
	return p.each(q, []any{&id, &h.Import, &h.Rows}, func() error {
		if s := p.byID[id]; s != nil {
			s.Hold = &RawHold{h.Import, bytes.Clone(h.Rows)}
		}
		return nil
	}, p.ids)
}
