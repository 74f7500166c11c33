package catalog

import (
	"cmp"
	"maps"
	"slices"

	"offlinestore/snap"
)

// privacy holds the statements of the newest signed bundles about the stores of brands: the list of each store, and the store that a snap is
// private to.
type privacy struct {
	stores map[string]*statedStore
	homes  map[string]snapHome // by snap-id
}

// statedStore is a store with its list, and the bundle that states it.
type statedStore struct {
	snap.Store
	origin
	list map[string]snap.StoreSnap // by snap-id
}

// snapHome is the store that a snap is private to, empty for a global snap, and the bundle that states it. The name may be unknown.
type snapHome struct {
	store, name string
	origin
}

func newPrivacy() *privacy {
	return &privacy{stores: make(map[string]*statedStore), homes: make(map[string]snapHome)}
}

// clone returns a copy whose maps can change. The lists are shared.
func (p *privacy) clone() *privacy {
	return &privacy{stores: maps.Clone(p.stores), homes: maps.Clone(p.homes)}
}

// addListed adds a snap to the list of a store.
func (p *privacy) addListed(store string, m snap.StoreSnap) {
	if s := p.stores[store]; s != nil {
		if m.Store == store {
			m.Store = ""
		}
		s.list[m.SnapID] = m
	}
}

// joins reports whether a snap belongs to its home. The statement about the snap adds it, unless the list of the store is newer.
func (p *privacy) joins(h snapHome) bool {
	s := p.stores[h.store]
	return h.store != "" && (s == nil || h.Supersedes(s.Origin))
}

// describe returns all stores that something is known of, by ID, each with all its snaps.
func (p *privacy) describe() map[string]*snap.Store {
	members := make(map[string]map[string]snap.StoreSnap)
	for id, s := range p.stores {
		members[id] = make(map[string]snap.StoreSnap, len(s.list))
		for snapID, m := range s.list {
			if h, ok := p.homes[snapID]; !ok || h.store == s.Home(m) { // a newer bundle may have made it global, or moved it
				members[id][snapID] = m
			}
		}
	}
	for snapID, h := range p.homes {
		if h.store != "" && members[h.store] == nil {
			members[h.store] = make(map[string]snap.StoreSnap)
		}
		if _, listed := members[h.store][snapID]; !listed && p.joins(h) {
			members[h.store][snapID] = snap.StoreSnap{Name: h.name, SnapID: snapID}
		}
	}
	out := make(map[string]*snap.Store, len(members))
	for id, list := range members {
		s := &snap.Store{ID: id}
		if p.stores[id] != nil {
			*s = p.stores[id].Store
		}
		s.Snaps = slices.SortedFunc(maps.Values(list), func(a, b snap.StoreSnap) int { return cmp.Compare(a.SnapID, b.SnapID) })
		out[id] = s
	}
	return out
}

// isSigned reports whether a key of an exporter has signed the import. Nobody else can state which snaps are private.
func (in *Import) isSigned() bool {
	return !slices.Contains([]string{Unsigned, OwnSignatures, StoreSignatures}, in.Signer)
}

// homes returns the home that the import states for each snap, by snap-id, with the snap's name.
func (in *Import) homes() map[string]snapHome {
	out := make(map[string]snapHome)
	if !in.isSigned() {
		return out
	}
	for i := range in.Stores {
		s := &in.Stores[i]
		for _, m := range s.Snaps {
			out[m.SnapID] = snapHome{s.Home(m), m.Name, in.origin()}
		}
	}
	for _, s := range in.Snaps {
		out[s.SnapID] = snapHome{s.Store, s.Name, in.origin()}
	}
	return out
}

// namedStores returns the IDs of stores and of the homes of snaps.
func namedStores(stores []snap.Store, homes map[string]snapHome) map[string]bool {
	ids := make(map[string]bool)
	for i := range stores {
		ids[stores[i].ID] = true
	}
	for _, h := range homes {
		if h.store != "" {
			ids[h.store] = true
		}
	}
	return ids
}

// stores reads the stores of brands with their private snaps.
func (l *loader) stores() error {
	const (
		stores = `
			select s.id, s.name, brand_id, admin_id, parent, signed_at, bundle, signer, sequence from store s join import i on import_id = i.id`
		lists = `select store_id, snap_id, name, home from store_snap`
		// The home of a global snap matters only if a store lists the snap.
		homes = `
			select h.snap_id, store_id, exists (select from snap s where s.snap_id = h.snap_id), signed_at, bundle, signer, sequence
			from snap_home h join import i on import_id = i.id
			where store_id <> '' or exists (select from store_snap s where s.snap_id = h.snap_id)`
	)
	p := newPrivacy()
	var s statedStore
	err := l.each(stores, slices.Concat([]any{&s.ID, &s.Name, &s.BrandID, &s.AdminID, &s.Parent}, s.columns()), func() error {
		p.stores[s.ID] = &statedStore{Store: s.Store, origin: s.origin, list: make(map[string]snap.StoreSnap)}
		return nil
	})
	if err != nil {
		return err
	}
	var id string
	var m snap.StoreSnap
	if err := l.each(lists, []any{&id, &m.SnapID, &m.Name, &m.Store}, func() error { p.addListed(id, m); return nil }); err != nil {
		return err
	}
	var h snapHome
	var isHere bool
	err = l.each(homes, slices.Concat([]any{&id, &h.store, &isHere}, h.columns()), func() error {
		p.homes[id] = h
		if h.store != "" && !isHere {
			l.c.AbsentPrivate = append(l.c.AbsentPrivate, id)
		}
		return nil
	})
	slices.Sort(l.c.AbsentPrivate)
	all := p.describe()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		known := all[id]
		s := Store{ID: id, Name: known.Name, BrandID: known.BrandID, AdminID: known.AdminID, Parent: known.Parent}
		for _, m := range known.Snaps {
			s.SnapIDs = append(s.SnapIDs, m.SnapID)
		}
		l.c.Stores = append(l.c.Stores, s)
	}
	return err
}
