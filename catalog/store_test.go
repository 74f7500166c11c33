package catalog_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"offlinestore/catalog"
	"offlinestore/difference"
	"offlinestore/snap"
)

// withStore adds the list of a store to an import. A snap in it may have the form "name of home".
func withStore(in *catalog.Import, id, parent string, members ...string) *catalog.Import {
	s := snap.Store{ID: id, Name: "Store " + id, BrandID: "brand", Parent: parent}
	for _, m := range members {
		var name, home string
		fmt.Sscanf(m, "%s of %s", &name, &home)
		s.Snaps = append(s.Snaps, snap.StoreSnap{Name: name, SnapID: snapID(name), Store: home})
	}
	slices.SortFunc(s.Snaps, func(a, b snap.StoreSnap) int { return cmp.Compare(a.SnapID, b.SnapID) })
	in.Stores = append(in.Stores, s)
	return in
}

// withPrivate adds a snap that is private to a store.
func withPrivate(in *catalog.Import, name, store string) *catalog.Import {
	with(in, name, []int{1}, "latest/stable/amd64=1")
	in.Snaps[len(in.Snaps)-1].Store = store
	return in
}

// members returns the names of the snaps of each store: "acme: pump tool".
func members(c *catalog.Snapshot) (out []string) {
	for _, s := range c.Stores {
		line := s.ID + ":"
		for _, id := range s.SnapIDs {
			line += " " + id[:4]
		}
		out = append(out, line)
	}
	return out
}

// homes returns the store of each snap: "pump acme".
func homes(c *catalog.Snapshot) (out []string) {
	for _, s := range c.Snaps {
		out = append(out, s.Name+" "+s.Store)
	}
	return out
}

// changes returns the changes of stores and of their snaps in a report.
func changes(r *catalog.Report) (out []string) {
	for _, c := range r.Updates {
		if c.What == difference.Store || c.What == difference.StoreSnap || c.Field == "store" {
			out = append(out, fmt.Sprintf("%s %s%s %s: %s -> %s", c.What, c.Name, c.Snap, c.Field, c.Old, c.New))
		}
	}
	return out
}

// TestStores imports the list of a store, then a newer one, then the older one again.
func TestStores(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	older := func() *catalog.Import {
		return withStore(withPrivate(withPrivate(imp("a", 0), "pump", "acme"), "tool", "acme"), "acme", "", "pump", "tool", "wish")
	}
	newer := withStore(withStore(withPrivate(imp("b", 1), "pump", "acme"), "acme", "", "pump"), "pumps", "acme", "pump of acme")
	plan, err := planOne(t.Context(), s, older())
	if err != nil {
		t.Fatal(err)
	}
	r := apply(t, s, older())
	diff(t, "the plan and the result", changes(r), changes(plan))
	diff(t, "what the first list changed", changes(r), []string{"store acme :  -> Store acme"})
	diff(t, "the stores", members(load(t, s)), []string{"acme: pump tool wish"})
	diff(t, "what the newer list changed", changes(apply(t, s, newer)), []string{"store-snap acmetool : acme -> ", "store-snap acmewish : acme -> ", "store pumps :  -> Store pumps"})
	for _, again := range []*catalog.Import{older(), newer} {
		if r := apply(t, s, again); !r.UpToDate {
			t.Errorf("%s again changed something: %+v", again.Name, r)
		}
	}
	c := load(t, s)
	diff(t, "the stores", members(c), []string{"acme: pump", "pumps: pump"})
	diff(t, "the homes", homes(c), []string{"pump acme", "tool acme"})
	if got := c.Stores[1]; got.Name != "Store pumps" || got.Parent != "acme" || got.BrandID != "brand" {
		t.Errorf("the store is %+v", got)
	}
}

// TestMarkJoinsStore imports single private snaps of a store, before and after a list that lacks them.
func TestMarkJoinsStore(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	diff(t, "the first snap", changes(apply(t, s, withPrivate(imp("a", 0), "pump", "acme"))), []string{"store acme :  -> acme"})
	diff(t, "the second snap", changes(apply(t, s, withPrivate(imp("b", 1), "tool", "acme"))), []string{"store-snap acmetool :  -> acme"})
	diff(t, "the stores", members(load(t, s)), []string{"acme: pump tool"})
	diff(t, "a list without the first", changes(apply(t, s, withStore(imp("c", 2), "acme", "", "tool"))), []string{"store acme brand-id:  -> brand", "store acme name:  -> Store acme", "store-snap acmepump : acme -> "})
	diff(t, "the stores", members(load(t, s)), []string{"acme: tool"})
	diff(t, "the first snap again", changes(apply(t, s, withPrivate(imp("d", 3), "pump", "acme"))), []string{"store-snap acmepump :  -> acme"})
	diff(t, "the homes", homes(load(t, s)), []string{"pump acme", "tool acme"})
	diff(t, "a global snap", changes(apply(t, s, withPrivate(imp("e", 4), "pump", ""))), []string{"snap pump store: acme -> ", "store-snap acmepump : acme -> "})
	diff(t, "another store", changes(apply(t, s, withPrivate(imp("f", 5), "tool", "valves"))), []string{"snap tool store: acme -> valves", "store-snap acmetool : acme -> ", "store valves :  -> valves"})
	diff(t, "the stores", members(load(t, s)), []string{"acme:", "valves: tool"})
}

// TestForcedOlderBundle forces older bundles: one in which a snap is private still, and one in which it is not.
func TestForcedOlderBundle(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	force := func(in *catalog.Import) *catalog.Import {
		in.PushChannelMap = true
		return in
	}
	apply(t, s, withStore(withPrivate(imp("c", 2), "pump", "acme"), "acme", "", "pump"))
	diff(t, "a forced bundle without the mark", changes(apply(t, s, force(withPrivate(imp("a", 0), "pump", "")))), []string{})
	diff(t, "the homes", homes(load(t, s)), []string{"pump acme"})
	diff(t, "the stores", members(load(t, s)), []string{"acme: pump"})
	apply(t, s, force(withPrivate(imp("b", 1), "pump", "valves")))
	diff(t, "the homes after a forced bundle with another mark", homes(load(t, s)), []string{"pump valves"})

	diff(t, "the newest bundle again", changes(apply(t, s, withStore(withPrivate(imp("c", 2), "pump", "acme"), "acme", "", "pump"))), []string{"snap pump store: valves -> acme", "store-snap acmepump :  -> acme", "store-snap valvespump : valves -> "})

	// The last of several bundles does not take the force from the others. The newer bundle that was forced aside is no reason to make the snap global.
	apply(t, s, withPrivate(imp("f", 5), "tool", "acme"))
	out, err := s.ApplyAll(t.Context(), []*catalog.Import{force(withPrivate(imp("d", 3), "tool", "valves")), force(withPrivate(imp("e", 4), "tool", ""))})
	if err != nil || out[0].Err != nil || out[1].Err != nil {
		t.Fatal(err, out)
	}
	diff(t, "the homes after two forced bundles", homes(load(t, s)), []string{"pump acme", "tool valves"})
}

// TestOnlySignedMakesGlobal imports private snaps again in files that no exporter has signed, also after a removal.
func TestOnlySignedMakesGlobal(t *testing.T) {
	t.Parallel()
	for _, signer := range []string{catalog.Unsigned, catalog.StoreSignatures, catalog.OwnSignatures} {
		s, _ := open(t)
		apply(t, s, withStore(withPrivate(imp("a", 0), "pump", "acme"), "acme", "", "pump"))
		pair := withPrivate(imp("pair", 9), "pump", "")
		pair.Signer = signer
		apply(t, s, pair)
		diff(t, "the home after a file that is "+signer, homes(load(t, s)), []string{"pump acme"})
		choose := func(*catalog.Snapshot) ([]catalog.Item, error) {
			return []catalog.Item{{Kind: catalog.ItemSnap, Name: "pump", Whole: true}}, nil
		}
		_, err := s.Remove(t.Context(), &catalog.Removal{Reason: catalog.ReasonRemove, Choose: choose, Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, s, pair)
		diff(t, "the home after a removal and a file that is "+signer, homes(load(t, s)), []string{"pump acme"})
		diff(t, "the stores", members(load(t, s)), []string{"acme: pump"})
	}
}

// TestListMakesPrivate imports a list with a snap that was global, and one that is newer than the list.
func TestListMakesPrivate(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withPrivate(withPrivate(imp("a", 0), "pump", ""), "tool", ""))
	apply(t, s, withPrivate(imp("c", 2), "tool", ""))
	r := apply(t, s, withStore(imp("b", 1), "acme", "", "pump", "tool"))
	diff(t, "the list", changes(r), []string{"snap pump store:  -> acme", "store acme :  -> Store acme"})
	diff(t, "the homes", homes(load(t, s)), []string{"pump acme", "tool "})
	diff(t, "the stores", members(load(t, s)), []string{"acme: pump"})
}

// TestOtherBrand refuses the store of another brand under the same ID, unless the operator gives it away.
func TestOtherBrand(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withStore(imp("a", 0), "acme", "", "pump"))
	other := withStore(imp("b", 1), "acme", "", "pump")
	other.Stores[0].BrandID = "somebody"
	var name *catalog.NameError
	if _, err := s.Apply(t.Context(), other); !errors.As(err, &name) || name.Name != "acme" {
		t.Fatalf("the store of another brand: %v, want a NameError", err)
	}
	other.TakeOver = []string{"acme"}
	diff(t, "the brand", changes(apply(t, s, other)), []string{"store acme brand-id: brand -> somebody"})
	for _, again := range []*catalog.Import{withStore(imp("a", 0), "acme", "", "pump"), withStore(imp("older", 0), "acme", "", "pump", "tool")} {
		diff(t, "an older list of the former brand", changes(apply(t, s, again)), []string{})
	}
	diff(t, "the stores", members(load(t, s)), []string{"acme: pump"})
	forced := withStore(imp("older", 0), "acme", "", "pump")
	forced.PushChannelMap = true
	if _, err := s.Apply(t.Context(), forced); !errors.As(err, &name) {
		t.Errorf("a forced list of the former brand: %v, want a NameError", err)
	}
}

// TestStoreOfManySnaps imports the longest list.
func TestStoreOfManySnaps(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := withStore(imp("a", 0), "acme", "")
	many := snap.MaxStoreSnaps
	if testing.Short() {
		many /= 10
	}
	for i := range many {
		in.Stores[0].Snaps = append(in.Stores[0].Snaps, snap.StoreSnap{Name: fmt.Sprint("snap-", i), SnapID: fmt.Sprintf("%032d", i)})
	}
	apply(t, s, in)
	if got := load(t, s).Stores[0].SnapIDs; len(got) != many || got[1] != fmt.Sprintf("%032d", 1) {
		t.Errorf("the store has %d snaps, want %d", len(got), many)
	}
}

// TestUpgradeKnowsHomes upgrades tables from before stores. A snap of a signed bundle is global, and only a newer list makes it private; nothing
// is known of a snap that only the Snap Store vouches for.
func TestUpgradeKnowsHomes(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	apply(t, s, with(imp("a", 5), "pump", []int{1}, "latest/stable/amd64=1"))
	pair := with(imp("pair", 5), "tool", []int{1}, "latest/stable/amd64=1")
	pair.Signer = catalog.StoreSignatures
	apply(t, s, pair)
	exec(t, dsn, newerThanStores+`drop table store_snap, store, snap_home; update schema_version set version = 14`)
	upgraded := reopen(t, dsn)
	apply(t, upgraded, withStore(imp("b", 1), "acme", "", "pump", "tool"))
	diff(t, "the homes", homes(load(t, upgraded)), []string{"pump ", "tool acme"})
	diff(t, "the stores", members(load(t, upgraded)), []string{"acme: tool"})
	apply(t, upgraded, withStore(imp("c", 6), "acme", "", "pump", "tool"))
	diff(t, "the homes after a newer list", homes(load(t, upgraded)), []string{"pump acme", "tool acme"})
}

// TestAnyOrderOfStores imports random statements about stores and private snaps in random orders. A model of a few lines predicts the result.
func TestAnyOrderOfStores(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			orders := rand.New(rand.NewPCG(seed, 7))
			for range 3 {
				bundles := randomStores(seed)
				order := orders.Perm(len(bundles))
				s, _ := open(t)
				before := load(t, s).Stores
				for i, n := range order {
					plan, err := planOne(t.Context(), s, bundles[n])
					if err != nil {
						t.Fatal(err)
					}
					r := apply(t, s, bundles[n])
					diff(t, "the plan and the result", changes(r), changes(plan))
					after := load(t, s).Stores
					diff(t, "the reported changes of lists", reportedLists(r), moved(before, after))
					before = after
					if i%3 == 0 {
						apply(t, s, bundles[n])
					}
				}
				c := load(t, s)
				wantMembers, wantHomes := modelOfStores(bundles)
				diff(t, fmt.Sprintf("the stores in order %v", order), members(c), wantMembers)
				diff(t, fmt.Sprintf("the homes in order %v", order), homes(c), wantHomes)
			}
		})
	}
}

// reportedLists returns who joined and left which store by a report: "acme+acmepump". A new store is "acme".
func reportedLists(r *catalog.Report) (out []string) {
	for _, c := range r.Updates {
		switch {
		case c.What == difference.StoreSnap && c.Field == "" && c.Old == "":
			out = append(out, c.Name+"+"+c.Snap)
		case c.What == difference.StoreSnap && c.Field == "" && c.New == "":
			out = append(out, c.Name+"-"+c.Snap)
		case c.What == difference.Store && c.Field == "":
			out = append(out, c.Name)
		}
	}
	slices.Sort(out)
	return out
}

// moved returns what reportedLists should return, from the stores before and after an import.
func moved(before, after []catalog.Store) (out []string) {
	find := func(list []catalog.Store, id string) *catalog.Store {
		if i := slices.IndexFunc(list, func(s catalog.Store) bool { return s.ID == id }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	for _, id := range []string{"acme", "pumps"} {
		was, is := find(before, id), find(after, id)
		if was == nil || is == nil {
			if was != is {
				out = append(out, id)
			}
			continue
		}
		for _, name := range []string{"pump", "tool", "wish"} {
			had, has := slices.Contains(was.SnapIDs, snapID(name)), slices.Contains(is.SnapIDs, snapID(name))
			switch {
			case has && !had:
				out = append(out, id+"+"+name)
			case had && !has:
				out = append(out, id+"-"+name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// randomStores makes signed and other imports of the same few snaps and stores.
func randomStores(seed uint64) []*catalog.Import {
	r := rand.New(rand.NewPCG(seed, seed))
	var out []*catalog.Import
	for n := range 8 {
		in := imp(fmt.Sprintf("bundle %d", n), r.IntN(4))
		in.Sequence, in.Signer = uint64(n), []string{"sha256:aa", "sha256:bb", "sha256:cc", catalog.Unsigned, catalog.StoreSignatures}[r.IntN(5)]
		stated := make(map[string]string)
		if in.Signer[:3] == "sha" {
			for _, id := range []string{"acme", "pumps"} {
				var list []string
				for _, name := range []string{"pump", "tool", "wish"} {
					if home, ok := stated[name]; r.IntN(2) == 0 && (!ok || home == "acme") {
						stated[name] = "acme"
						list = append(list, map[string]string{"acme": name, "pumps": name + " of acme"}[id])
					}
				}
				if r.IntN(2) == 0 {
					withStore(in, id, "", list...)
				}
			}
			stated = make(map[string]string)
			for _, s := range in.Stores {
				for _, m := range s.Snaps {
					stated[m.Name] = "acme"
				}
			}
		}
		for _, name := range []string{"pump", "tool", "wish"} {
			if home, ok := stated[name]; ok {
				withPrivate(in, name, home)
			} else if r.IntN(2) == 0 {
				withPrivate(in, name, []string{"", "acme", "pumps"}[r.IntN(3)])
			}
		}
		out = append(out, in)
	}
	return out
}

// modelOfStores returns what members and homes should return after all imports.
func modelOfStores(list []*catalog.Import) (members, homes []string) {
	list = slices.SortedFunc(slices.Values(list), func(a, b *catalog.Import) int { return a.Origin().Compare(b.Origin()) })
	type stated struct {
		home string
		at   int
	}
	home, there := make(map[string]stated), make(map[string]bool)
	lists, listedAt := make(map[string][]string), make(map[string]int)
	for at, in := range list {
		for _, s := range in.Snaps {
			there[s.Name] = true
		}
		if in.Signer[:3] != "sha" {
			continue
		}
		for _, s := range in.Stores {
			lists[s.ID], listedAt[s.ID] = nil, at
			for _, m := range s.Snaps {
				lists[s.ID] = append(lists[s.ID], m.Name)
				home[m.Name] = stated{"acme", at}
			}
		}
		for _, s := range in.Snaps {
			home[s.Name] = stated{s.Store, at}
		}
	}
	for _, id := range []string{"acme", "pumps"} {
		line, known := id+":", false
		_, known = listedAt[id]
		for _, name := range []string{"pump", "tool", "wish"} {
			h, ok := home[name]
			at, has := listedAt[id]
			own := ok && h.home == id
			known = known || own
			if h.home == "acme" && slices.Contains(lists[id], name) || own && (!has || h.at > at) {
				line += " " + name
			}
		}
		if known {
			members = append(members, line)
		}
	}
	for _, name := range []string{"pump", "tool", "wish"} {
		if there[name] {
			homes = append(homes, name+" "+home[name].home)
		}
	}
	return members, homes
}
