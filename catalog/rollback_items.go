package catalog

import (
	"encoding/json"
	"fmt"
	"slices"

	"offlinestore/charm"
)

func jsonText(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}

// release returns the row as a release. Its revision is 0 if the row was closed, or not there.
func (r *replacedCharmRow) release() (charm.Release, error) {
	out := charm.Release{Channel: r.Channel, Revision: r.Revision, ReleasedAt: r.ReleasedAt}
	if r.Base != (charm.Base{}) {
		base := r.Base
		out.Base = &base
	}
	if len(r.Resources) == 0 {
		return out, nil
	}
	return out, json.Unmarshal(r.Resources, &out.Resources)
}

// putInto returns the rows with a release in place of the one there.
func (r *replacedCharmRow) putInto(rows []charm.Release, release charm.Release) []charm.Release {
	rest := slices.DeleteFunc(slices.Clone(rows), func(o charm.Release) bool { return o.Channel == r.Channel && bareBase(o.Base) == r.Base })
	if r.Import == 0 {
		return rest
	}
	return append(rest, release)
}

// items returns the images of resources and of charm bundles. An item that was removed since stays removed. An image need
// not have been there before.
func (b *rollbacker) items(c *Snapshot) error {
	images := make(map[string]bool)
	for _, im := range c.Images {
		images[im.Digest.String()] = true
	}
	byID := make(map[string]*Charm)
	for i := range c.Charms {
		byID[c.Charms[i].ID] = &c.Charms[i]
	}
	for _, item := range b.before.Items {
		ch := byID[item.CharmID]
		if ch == nil {
			continue
		}
		named, err := b.item(ch, item)
		if err != nil {
			return fmt.Errorf("charm %s revision %d: %w", ch.Name, item.Revision, err)
		}
		for _, im := range named {
			if im.Digest != "" && !images[im.Digest] {
				b.done.Stay = append(b.done.Stay, fmt.Sprintf("the image %s of charm %s is not in the store", im.Name, ch.Name))
			}
		}
	}
	return nil
}

// item queues the return of a message to its former state, and returns the images that it names.
func (b *rollbacker) item(ch *Charm, item replacedItem) (named []charm.Image, err error) {
	const (
		resource = `
			update charm_resource set item = coalesce($4, item), import_id = $5 where charm_id = $1 and revision = $2 and name = $3`
		revision = `
			update charm_revision set item = coalesce($4, item), import_id = $5 where charm_id = $1 and revision = $2 and $3 = ''`
	)
	var raw *string
	if len(item.Item) > 0 {
		s := string(item.Item)
		raw = &s
	}
	q := revision
	if item.Resource != "" {
		q = resource
	}
	b.b.Queue(q, item.CharmID, item.Revision, item.Resource, raw, item.Import)
	if raw == nil {
		return nil, nil
	}
	if item.Resource == "" {
		var was charm.Item
		b.done.Items++
		err := json.Unmarshal(item.Item, &was)
		return was.Images, err
	}
	var was charm.ResourceItem
	if err := json.Unmarshal(item.Item, &was); err != nil || was.Image == nil {
		return nil, err
	}
	is := was.Image.Name
	for _, r := range ch.Resources {
		if r.Name == item.Resource && r.Revision == item.Revision && r.Image != nil {
			is = r.Image.Name
		}
	}
	if is != was.Image.Name {
		b.done.ImageMoves = append(b.done.ImageMoves, ImageMove{ch.Name, item.Resource, item.Revision, is, was.Image.Name})
	} else {
		b.done.Items++
	}
	return []charm.Image{*was.Image}, nil
}

// withdrawals returns the withdrawals.
func (b *rollbacker) withdrawals(*Snapshot) error {
	const (
		forget = `delete from withdrawal where kind = $1 and name = $2`
		set    = `
			insert into withdrawal (kind, name, id, reason, import_id) values ($1, $2, $3, $4, $5)
			on conflict (kind, name) do update set id = excluded.id, reason = excluded.reason, import_id = excluded.import_id`
	)
	for _, w := range b.before.Withdrawals {
		if w.Import > 0 {
			b.b.Queue(set, w.Kind, w.Name, w.ID, w.Reason, w.Import)
			continue
		}
		tag, err := b.tx.Exec(b.ctx, forget, w.Kind, w.Name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			b.done.Withdrawals = append(b.done.Withdrawals, w.Withdrawal)
		}
	}
	return nil
}
