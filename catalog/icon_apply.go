package catalog

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/snap"
)

// iconStatement is the bundle's statement about the icon of a snap or charm.
type iconStatement struct {
	id   string
	icon *Icon
	// former is the icon before. It is nil for a new snap or charm, whose icon is no change.
	former *[2]string
	change difference.Change
}

// queueSnapIcons updates the icons of the bundle's snaps.
func (a *applier) queueSnapIcons(b *pgx.Batch) {
	var list []iconStatement
	for _, s := range a.in.Snaps {
		if !slices.Contains(s.Unknown, snap.UnknownIcon) {
			list = append(list, iconStatement{s.SnapID, s.Icon, a.knownSnaps[s.SnapID].iconBefore(), difference.Change{Snap: s.Name}})
		}
	}
	a.queueIcons(b, "snap", "snap_id", a.snapIcons, list)
}

// queueCharmIcons updates the icons of the bundle's charms.
func (a *applier) queueCharmIcons(b *pgx.Batch) {
	var list []iconStatement
	for _, c := range a.in.Charms {
		if !slices.Contains(c.Unknown, charm.UnknownIcon) {
			list = append(list, iconStatement{c.ID, c.Icon, a.knownCharmListings[c.ID].iconBefore(), difference.Change{Charm: c.Name}})
		}
	}
	a.queueIcons(b, "charm", "charm_id", a.charmIcons, list)
}

// queueIcons keeps the icon of the most recently signed bundle that knows the icon, or knows that there is none. table has the snaps or
// charms, by the column key, and origins the bundles that stated their icons before.
func (a *applier) queueIcons(b *pgx.Batch, table, key string, origins map[string]origin, list []iconStatement) {
	q := fmt.Sprintf(`update %s set icon = $2, icon_type = $3, icon_signed_at = $4, icon_import_id = $5 where %s = $1`, table, key)
	for _, s := range list {
		// Snaps have signed origins only, so the rule of charms holds for both.
		if o, said := origins[s.id]; said && o.keepsCharm(a.in, a.forces(iconKey(s.id))) {
			continue
		}
		if s.former != nil {
			a.r.update(difference.OfIcon(s.change, *s.former, s.icon.pair())...)
		}
		icon, iconType := s.icon.columns()
		b.Queue(q, s.id, icon, iconType, a.in.SignedAt, a.id)
	}
}

// loadIcons loads the bundles that stated the icons of the snaps or charms with these IDs, by the ID.
func (a *applier) loadIcons(table, key string, ids []string) map[string]origin {
	q := fmt.Sprintf(`
		select %[2]s, icon_signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from %[1]s left join import i on icon_import_id = i.id where %[2]s = any($1) and icon_signed_at is not null`, table, key)
	out := make(map[string]origin, len(ids))
	var id string
	var o origin
	a.read(q, ids, slices.Concat([]any{&id}, o.columns()), func() error {
		out[id] = o
		return nil
	})
	return out
}

// iconBefore returns the icon of a known snap or charm, and nil for a new one.
func (k *knownListing[L]) iconBefore() *[2]string {
	if k == nil {
		return nil
	}
	return &k.icon
}

// columns returns the icon's columns in the tables, null for none.
func (i *Icon) columns() (blob, mediaType *string) {
	if i == nil {
		return nil, nil
	}
	d := i.Blob.String()
	return &d, &i.MediaType
}
