package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/difference"
	"offlinestore/snap"
)

// The keys of statements about stores and private snaps.
type (
	storeKey string
	homeKey  string // of a snap
)

// stores keeps the most recently signed description and list of each store, and the store that each snap is private to. It reports who
// joins a store and who leaves it.
func (a *applier) stores() error {
	if a.privacy == nil {
		return nil
	}
	before, after := a.privacy, a.privacy.clone()
	b := &pgx.Batch{}
	for i := range a.in.Stores {
		if err := a.queueStore(b, after, &a.in.Stores[i]); err != nil {
			return err
		}
	}
	a.queueHomes(b, after)
	a.privacy = after
	a.reportStores(before.describe(), after.describe())
	return a.write(b)
}

// reportStores reports the changes of stores. Of a store that the import does not name, only the import's snaps were loaded.
func (a *applier) reportStores(before, after map[string]*snap.Store) {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(ids)
	named := namedStores(a.in.Stores, a.homes)
	for _, id := range slices.Compact(ids) {
		was, is := before[id], after[id]
		if !named[id] {
			other := &snap.Store{ID: id}
			was, is = cmp.Or(was, other), cmp.Or(is, other)
		}
		a.r.update(difference.OfStore(was, is)...)
	}
}

// queueStore queues the description and the list of a store, unless a newer bundle has stated them.
func (a *applier) queueStore(b *pgx.Batch, p *privacy, s *snap.Store) error {
	const (
		set = `
			insert into store (id, name, brand_id, admin_id, parent, import_id) values ($1, $2, $3, $4, $5, $6)
			on conflict (id) do update set name = excluded.name, brand_id = excluded.brand_id, admin_id = excluded.admin_id,
				parent = excluded.parent, import_id = excluded.import_id`
		forget = `delete from store_snap where store_id = $1`
		list   = `
			insert into store_snap (store_id, snap_id, name, home)
			select $1, * from unnest($2::text[], $3::text[], $4::text[])`
	)
	old := p.stores[s.ID]
	if old != nil {
		if old.is(a.in) || old.Supersedes(a.in.Origin()) && !a.forces(storeKey(s.ID)) {
			return nil
		}
		if err := a.checkBrand(old, s); err != nil {
			return err
		}
	}
	now := &statedStore{Store: *s, origin: a.in.origin(), list: make(map[string]snap.StoreSnap, len(s.Snaps))}
	ids, names, homes := []string{}, []string{}, []string{}
	for _, m := range s.Snaps {
		ids, names, homes = append(ids, m.SnapID), append(names, m.Name), append(homes, s.Home(m))
		now.list[m.SnapID] = m
	}
	b.Queue(set, s.ID, s.Name, s.BrandID, s.AdminID, s.Parent, a.id)
	if old == nil || !maps.Equal(old.list, now.list) {
		b.Queue(forget, s.ID)
		b.Queue(list, s.ID, ids, names, homes)
	}
	p.stores[s.ID] = now
	return nil
}

// checkBrand refuses the store of another brand under the ID of a known one, unless the operator gives the ID away.
func (a *applier) checkBrand(old *statedStore, s *snap.Store) error {
	if old.BrandID == s.BrandID || slices.Contains(a.in.TakeOver, s.ID) {
		return nil
	}
	return &NameError{s.ID, &ConflictError{What: "store " + s.ID, Have: "brand " + old.BrandID, New: "brand " + s.BrandID}}
}

// queueHomes queues the stores that snaps are private to, unless newer bundles have stated them. An older bundle never makes a private snap
// global, not even by force. What it forces keeps the newest origin, so that no bundle between the two makes the snap global either.
func (a *applier) queueHomes(b *pgx.Batch, p *privacy) {
	const (
		set = `
			insert into snap_home (snap_id, store_id, import_id) select snap_id, store_id, $3 from unnest($1::text[], $2::text[]) as stated (snap_id, store_id)
			on conflict (snap_id) do update set store_id = excluded.store_id, import_id = excluded.import_id`
		force = `
			update snap_home h set store_id = stated.store_id from unnest($1::text[], $2::text[]) as stated (snap_id, store_id)
			where h.snap_id = stated.snap_id`
	)
	ids, stores, forcedIDs, forcedStores := []string{}, []string{}, []string{}, []string{}
	for _, id := range slices.Sorted(maps.Keys(a.homes)) {
		now := a.homes[id]
		old, known := p.homes[id]
		older := known && old.Supersedes(a.in.Origin())
		if known && old.store == now.store && (older || old.is(a.in)) || older && (now.store == "" || !a.forces(homeKey(id))) {
			continue
		}
		if known && old.store != now.store {
			a.r.update(difference.Change{What: difference.Snap, Snap: now.name, Field: "store", Old: old.store, New: now.store})
		}
		if older {
			now.origin = old.origin
			forcedIDs, forcedStores = append(forcedIDs, id), append(forcedStores, now.store)
		} else {
			ids, stores = append(ids, id), append(stores, now.store)
		}
		p.homes[id] = now
	}
	if len(ids) > 0 {
		b.Queue(set, ids, stores, a.id)
	}
	if len(forcedIDs) > 0 {
		b.Queue(force, forcedIDs, forcedStores)
	}
}

// loadPrivacy loads everything about the stores that the import describes, and about its snaps. Of a store that it only names, as the home
// of a snap, it loads one more snap at most: a list may be long, and many imports mark a single snap.
func (a *applier) loadPrivacy() {
	const (
		stores = `
			select s.id, s.name, brand_id, admin_id, parent, signed_at, bundle, signer, sequence from store s join import i on import_id = i.id
			where s.id = any($1) or exists (select from snap_home h where h.store_id = s.id and h.snap_id = any($2))
				or exists (select from store_snap m where m.store_id = s.id and m.snap_id = any($2))`
		lists = `select store_id, snap_id, name, home from store_snap where store_id = any($1) or snap_id = any($2)`
		homes = `
			select snap_id, h.store_id, coalesce(s.name, ''), i.signed_at, bundle, signer, i.sequence
			from snap_home h join import i on h.import_id = i.id left join snap s using (snap_id)
			where snap_id = any($2) or h.store_id <> '' and h.store_id = any($1)
				or snap_id in (select snap_id from store_snap where store_id = any($1))
				or snap_id in (select (select snap_id from snap_home where store_id = id and store_id <> '' limit 1) from unnest($3::text[]) id)`
	)
	a.homes = a.in.homes()
	if len(a.homes)+len(a.in.Stores) == 0 {
		return
	}
	described := []string{}
	for i := range a.in.Stores {
		described = append(described, a.in.Stores[i].ID)
	}
	named := slices.Sorted(maps.Keys(namedStores(a.in.Stores, a.homes)))
	snaps := slices.Sorted(maps.Keys(a.homes))
	p := newPrivacy()
	a.privacy = p
	var s statedStore
	a.queueRead(stores, []any{named, snaps}, slices.Concat([]any{&s.ID, &s.Name, &s.BrandID, &s.AdminID, &s.Parent}, s.columns()), func() error {
		p.stores[s.ID] = &statedStore{Store: s.Store, origin: s.origin, list: make(map[string]snap.StoreSnap)}
		return nil
	})
	var id string
	var m snap.StoreSnap
	a.queueRead(lists, []any{described, snaps}, []any{&id, &m.SnapID, &m.Name, &m.Store}, func() error {
		p.addListed(id, m)
		return nil
	})
	var h snapHome
	var snapID string
	a.queueRead(homes, []any{described, snaps, named}, slices.Concat([]any{&snapID, &h.store, &h.name}, h.columns()), func() error {
		if h.name = cmp.Or(h.name, a.homes[snapID].name); h.name == "" {
			h.name = fmt.Sprint("snap-id ", snapID)
		}
		p.homes[snapID] = h
		return nil
	})
}
