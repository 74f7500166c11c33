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

// queueSnapIcons updates the icons of the bundle's snaps. have are the snaps that were known before.
func (a *applier) queueSnapIcons(b *pgx.Batch, have map[string]*knownListing[snap.Listing]) error {
	var list []iconStatement
	for _, s := range a.in.Snaps {
		if !slices.Contains(s.Unknown, snap.UnknownIcon) {
			list = append(list, iconStatement{s.SnapID, s.Icon, have[s.SnapID].iconBefore(), difference.Change{Snap: s.Name}})
		}
	}
	return a.queueIcons(b, "snap", "snap_id", list)
}

// queueCharmIcons updates the icons of the bundle's charms.
func (a *applier) queueCharmIcons(b *pgx.Batch, have map[string]*knownListing[charm.Listing]) error {
	var list []iconStatement
	for _, c := range a.in.Charms {
		if !slices.Contains(c.Unknown, charm.UnknownIcon) {
			list = append(list, iconStatement{c.ID, c.Icon, have[c.ID].iconBefore(), difference.Change{Charm: c.Name}})
		}
	}
	return a.queueIcons(b, "charm", "charm_id", list)
}

// queueIcons keeps the icon of the most recently signed bundle that knows the icon, or knows that there is none. table has the snaps or
// charms, by the column key.
func (a *applier) queueIcons(b *pgx.Batch, table, key string, list []iconStatement) error {
	q := fmt.Sprintf(`update %s set icon = $2, icon_type = $3, icon_signed_at = $4, icon_import_id = $5 where %s = $1`, table, key)
	origins, err := a.iconOrigins(table, key, list)
	if err != nil {
		return err
	}
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
	return nil
}

// iconOrigins returns the bundles that stated the icons before, by the ID of the snap or charm.
func (a *applier) iconOrigins(table, key string, list []iconStatement) (map[string]origin, error) {
	q := fmt.Sprintf(`
		select %[2]s, icon_signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from %[1]s left join import i on icon_import_id = i.id where %[2]s = any($1) and icon_signed_at is not null`, table, key)
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.id
	}
	out := make(map[string]origin, len(list))
	var id string
	var o origin
	err := a.each(q, ids, slices.Concat([]any{&id}, o.columns()), func() error {
		out[id] = o
		return nil
	})
	return out, err
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
