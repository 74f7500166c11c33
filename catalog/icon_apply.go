package catalog

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/snap"
)

// queueSnapIcons keeps the icon of the most recently signed bundle that knows the icon of a snap, or knows that there is none. have are the
// snaps that were known before.
func (a *applier) queueSnapIcons(b *pgx.Batch, have map[string]*knownListing[snap.Listing]) error {
	const known = `
		select snap_id, icon_signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from snap left join import i on icon_import_id = i.id where snap_id = any($1) and icon_signed_at is not null`
	const q = `update snap set icon = $2, icon_type = $3, icon_signed_at = $4, icon_import_id = $5 where snap_id = $1`
	origins, err := iconOrigins(a, known, have)
	if err != nil {
		return err
	}
	for _, s := range a.in.Snaps {
		o, said := origins[s.SnapID]
		if slices.Contains(s.Unknown, snap.UnknownIcon) || said && (o.is(a.in) || !a.forces(iconKey(s.SnapID)) && o.Supersedes(a.in.Origin())) {
			continue
		}
		if old := have[s.SnapID]; old != nil {
			a.r.update(difference.OfIcon(difference.Change{Snap: s.Name}, old.icon, s.Icon.pair())...)
		}
		icon, iconType := s.Icon.columns()
		b.Queue(q, s.SnapID, icon, iconType, a.in.SignedAt, a.id)
	}
	return nil
}

// queueCharmIcons keeps the icons of charms as queueSnapIcons keeps the icons of snaps.
func (a *applier) queueCharmIcons(b *pgx.Batch, have map[string]*knownListing[charm.Listing]) error {
	const known = `
		select charm_id, icon_signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from charm left join import i on icon_import_id = i.id where charm_id = any($1) and icon_signed_at is not null`
	const q = `update charm set icon = $2, icon_type = $3, icon_signed_at = $4, icon_import_id = $5 where charm_id = $1`
	origins, err := iconOrigins(a, known, have)
	if err != nil {
		return err
	}
	for _, c := range a.in.Charms {
		o, said := origins[c.ID]
		if slices.Contains(c.Unknown, charm.UnknownIcon) || said && o.keepsCharm(a.in, a.forces(iconKey(c.ID))) {
			continue
		}
		if old := have[c.ID]; old != nil {
			a.r.update(difference.OfIcon(difference.Change{Charm: c.Name}, old.icon, c.Icon.pair())...)
		}
		icon, iconType := c.Icon.columns()
		b.Queue(q, c.ID, icon, iconType, a.in.SignedAt, a.id)
	}
	return nil
}

// iconOrigins returns the bundles that stated the icons of known snaps or charms, by their IDs.
func iconOrigins[L any](a *applier, q string, have map[string]*knownListing[L]) (map[string]origin, error) {
	out := make(map[string]origin)
	var id string
	var o origin
	err := a.each(q, slices.Collect(maps.Keys(have)), slices.Concat([]any{&id}, o.columns()), func() error {
		out[id] = o
		return nil
	})
	return out, err
}

// columns returns the icon's columns in the tables, null for none.
func (i *Icon) columns() (blob, mediaType *string) {
	if i == nil {
		return nil, nil
	}
	d := i.Blob.String()
	return &d, &i.MediaType
}
