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
	whole := a.in.storeIDs()
	for _, id := range slices.Compact(ids) {
		was, is := before[id], after[id]
		if !slices.Contains(whole, id) {
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
		if err := a.checkBrand(old, s); err != nil {
			return err
		}
		if old.is(a.in) || old.Supersedes(a.in.Origin()) && !a.forces(storeKey(s.ID)) {
			return nil
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
	if old.BrandID == "" || s.BrandID == "" || old.BrandID == s.BrandID || slices.Contains(a.in.TakeOver, s.ID) {
		return nil
	}
	return &NameError{s.ID, &ConflictError{What: "store " + s.ID, Have: "brand " + old.BrandID, New: "brand " + s.BrandID}}
}

// queueHomes queues the stores that snaps are private to, unless newer bundles have stated them.
func (a *applier) queueHomes(b *pgx.Batch, p *privacy) {
	const q = `
		insert into snap_home (snap_id, store_id, import_id) select snap_id, store_id, $3 from unnest($1::text[], $2::text[]) as stated (snap_id, store_id)
		on conflict (snap_id) do update set store_id = excluded.store_id, import_id = excluded.import_id`
	ids, stores := []string{}, []string{}
	stated := a.in.homes()
	for _, id := range slices.Sorted(maps.Keys(stated)) {
		now := stated[id]
		old, known := p.homes[id]
		if known && (old.is(a.in) || old.Supersedes(a.in.Origin()) && !a.forces(homeKey(id))) {
			continue
		}
		if known && old.store != now.store {
			a.r.update(difference.Change{What: difference.Snap, Snap: now.name, Field: "store", Old: old.store, New: now.store})
		}
		ids, stores = append(ids, id), append(stores, now.store)
		p.homes[id] = now
	}
	if len(ids) > 0 {
		b.Queue(q, ids, stores, a.id)
	}
}

// loadPrivacy loads everything about the stores that the import names, and about its snaps.
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
			where snap_id = any($2) or h.store_id <> '' and h.store_id = any($1)`
	)
	stated := a.in.homes()
	if len(stated)+len(a.in.Stores) == 0 {
		return
	}
	args := []any{a.in.storeIDs(), slices.Sorted(maps.Keys(stated))}
	p := newPrivacy()
	a.privacy = p
	var s statedStore
	a.queueRead(stores, args, slices.Concat([]any{&s.ID, &s.Name, &s.BrandID, &s.AdminID, &s.Parent}, s.columns()), func() error {
		p.stores[s.ID] = &statedStore{Store: s.Store, origin: s.origin, list: make(map[string]snap.StoreSnap)}
		return nil
	})
	var id string
	var m snap.StoreSnap
	a.queueRead(lists, args, []any{&id, &m.SnapID, &m.Name, &m.Store}, func() error {
		p.addListed(id, m)
		return nil
	})
	var h snapHome
	var snapID string
	a.queueRead(homes, args, slices.Concat([]any{&snapID, &h.store, &h.name}, h.columns()), func() error {
		if h.name = cmp.Or(h.name, stated[snapID].name); h.name == "" {
			h.name = fmt.Sprint("snap-id ", snapID)
		}
		p.homes[snapID] = h
		return nil
	})
}
