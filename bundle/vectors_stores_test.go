package bundle_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// forgeStores returns the items of stores. All of their IDs end in letters.
func (e *extras) forgeStores() (items []*forgeItem) {
	for _, s := range slices.SortedFunc(slices.Values(e.stores), func(a, b *bundle.Store) int { return cmp.Compare(a.ID, b.ID) }) {
		it := &forgeItem{artifactType: vnd + "store.v1", name: "store." + s.ID, config: &forgeBlob{mediaType: vnd + "store.config.v1+json", data: forgeStore(s)}}
		if len(s.Assertions) > 0 {
			it.layers = []*forgeBlob{{mediaType: "application/x.ubuntu.assertion", title: it.name + ".assert", data: s.Assertions}}
		}
		items = append(items, it)
	}
	return items
}

// forgeStore returns the config of a store.
func forgeStore(s *bundle.Store) []byte {
	snaps := []any{}
	for _, m := range s.Snaps {
		entry := map[string]any{"name": m.Name, "snap-id": m.SnapID}
		if m.Store != "" {
			entry["store"] = m.Store
		}
		snaps = append(snaps, entry)
	}
	config := map[string]any{"brand-id": s.BrandID, "id": s.ID, "name": s.Name, "snaps": snaps}
	for name, value := range map[string]string{"admin-id": s.AdminID, "parent": s.Parent} {
		if value != "" {
			config[name] = value
		}
	}
	return toJSON(config)
}

// storeVector returns a bundle with all that is new in format 1.3: a store for devices below the store of its brand, and a private snap
// of the latter. The list of the former has that snap, and another one that the bundle has only the declaration of.
func storeVector(tb testing.TB) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	tool := b.AddSnap("acme-tool", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 3})
	tool.Store = "acme"
	b.AddRevision("acme-tool", 3, b.Blob("acme-tool", 203))
	c := vectorContent(tb, b)
	brand, admin := b.Stack.NewAccount("acme-brand", "brand"), b.Stack.Account("acme-admin", "Ada", nil)
	registered := b.Stack.SnapDeclaration(jqID, "acme-new", brand.ID, nil)
	c.assertions = []*bundle.Assertion{{Ref: registered.Ref(), Assertions: b.Stream(brand.Account, registered)}}
	shared := snap.StoreSnap{Name: "acme-tool", SnapID: tool.SnapID}
	own := snap.StoreSnap{Name: "acme-new", SnapID: jqID}
	included := shared
	included.Store = "acme"
	members := []snap.StoreSnap{own, included}
	slices.SortFunc(members, func(a, b snap.StoreSnap) int { return cmp.Compare(a.SnapID, b.SnapID) })
	c.stores = []*bundle.Store{
		{Store: snap.Store{ID: "acme", Name: "Acme", Snaps: []snap.StoreSnap{shared}, BrandID: brand.ID},
			Assertions: b.Stream(brand.Account)},
		{Store: snap.Store{ID: "acme-pumps", Name: "Acme – pumps", Parent: "acme", Snaps: members, BrandID: brand.ID, AdminID: "acme-admin"},
			Assertions: b.Stream(brand.Account, admin, b.Stack.Store("acme-pumps", brand.ID, "", assertiontest.Headers{"friendly-stores": []any{"acme-valves"}, "url": nil}))},
	}
	return c
}

// storeFlaws returns hostile bundles that use the additions of format 1.3.
func storeFlaws(t *testing.T) []flaw {
	t.Helper()
	replace := func(item, from, to string) func(*forge) {
		return func(f *forge) {
			c := f.find(item).config
			if !bytes.Contains(c.data, []byte(from)) {
				t.Fatalf("%s: its config has no %s", item, from)
			}
			c.data = bytes.Replace(c.data, []byte(from), []byte(to), 1)
		}
	}
	const pumps = "store.acme-pumps"
	tool := bundletest.New(t, 0).AddSnap("acme-tool").SnapID
	flaws := []flaw{
		{name: "store-circle", shows: "Two stores are above each other.", edit: replace("store.acme", `"name":"Acme"`, `"name":"Acme","parent":"acme-pumps"`)},
		{name: "store-own-parent", shows: "A store is above itself.", edit: replace(pumps, `"parent":"acme"`, `"parent":"acme-pumps"`)},
		{name: "store-order", shows: "The snaps of a store are not sorted.", edit: func(f *forge) {
			s := storeVector(t).stores[1]
			slices.Reverse(s.Snaps)
			f.find(pumps).config.data = forgeStore(s)
		}},
		{name: "store-snap-twice", shows: "A store has a snap twice.", edit: replace(pumps, tool, jqID)},
		{name: "store-snap-global", shows: "A snap in the list of a store is not marked as private.", edit: replace("acme-tool", `,"store":"acme"`, "")},
		{name: "store-snap-elsewhere", shows: "A snap is private to two stores.", edit: replace(pumps, `"store":"acme"`, `"store":"acme-valves"`)},
		{name: "store-snap-own", shows: "A snap of a store names that store.", edit: replace("store.acme", tool+`"`, tool+`","store":"acme"`)},
		{name: "store-snap-without-id", shows: "A snap of a store has no snap-id.", edit: replace("store.acme", `"snap-id"`, `"snap"`)},
		{name: "store-without-snaps", shows: "A store has no list of snaps, not even an empty one.", edit: replace("store.acme", `"snaps"`, `"snap"`)},
		{name: "store-name-lines", shows: "The name of a store has two lines.", edit: replace("store.acme", `"name":"Acme"`, `"name":"Acme\nadmin"`)},
		{name: "store-brand-absent", shows: "A store has no brand.", edit: replace("store.acme", `"brand-id":"acme-brand",`, "")},
		{name: "store-brand-empty", shows: "The brand of a store is empty.", edit: replace("store.acme", `"brand-id":"acme-brand"`, `"brand-id":""`)},
		{name: "store-brand-null", shows: "The brand of a store is null.", edit: replace("store.acme", `"brand-id":"acme-brand"`, `"brand-id":null`)},
		{name: "store-name-empty", shows: "A store has no name.", edit: replace("store.acme", `"name":"Acme"`, `"name":""`)},
		{name: "store-other-name", shows: "The item of a store has the name of another one.", edit: func(f *forge) {
			it := f.find(pumps)
			it.name, it.layers[0].title = "store.acme-pumpt", "store.acme-pumpt.assert"
		}},
		{name: "store-id-path", shows: "The ID of a store leads out of a folder.", edit: func(f *forge) {
			it := f.find(pumps)
			it.name = "store.acme/pumps"
			replace("store.acme/pumps", `"id":"acme-pumps"`, `"id":"acme/pumps"`)(f)
		}},
		{name: "store-private-elsewhere", shows: "A snap is marked with something that is no store.", edit: replace("acme-tool", `"store":"acme"`, `"store":"acme brand"`)},
		{name: "store-too-old", shows: "A bundle with stores claims to be of format 1.2.", edit: func(f *forge) { f.format = "1.2" }, step: 5},
		{name: "store-mark-too-old", shows: "A private snap is in a bundle that claims to be of format 1.2.", edit: func(f *forge) {
			f.items = slices.DeleteFunc(f.items, func(it *forgeItem) bool { return it.artifactType == vnd+"store.v1" })
			f.format = "1.2"
		}},
		{name: "store-too-new", shows: "A bundle without stores and private snaps claims to be of format 1.3.", base: stepperVector, edit: func(f *forge) { f.format = "1.3" }},
		{name: "store-without-brand", shows: "The account of the brand of a store is not in the bundle.", edit: replace("store.acme", `"brand-id":"acme-brand"`, `"brand-id":"acme-brant"`), result: vectortest.Mismatch, step: 13},
		{name: "store-assertion-cut", shows: "The store assertion is cut off.", edit: func(f *forge) {
			l := f.find(pumps).layers[0]
			l.data = l.data[:len(l.data)-300]
		}, result: vectortest.BadAssertion, step: 13},
	}
	for i := range flaws {
		if flaws[i].base == nil {
			flaws[i].base = storeVector
		}
		if flaws[i].step == 0 {
			flaws[i].step = 10
		}
	}
	return flaws
}

// TestStoreLimits reads lists of as many snaps as a store may have, and refuses one more.
func TestStoreLimits(t *testing.T) {
	t.Parallel()
	s := &bundle.Store{Store: snap.Store{BrandID: "acme-brand", ID: "acme", Name: "Acme"}}
	for i := range snap.MaxStoreSnaps {
		s.Snaps = append(s.Snaps, snap.StoreSnap{Name: fmt.Sprintf("snap-%d", i), SnapID: fmt.Sprintf("%032d", i)})
	}
	sealed := func() error {
		b := &bundle.Builder{}
		if err := b.AddStore(s); err != nil {
			return err
		}
		_, err := b.Seal(t.Context(), sample(t).predicate, testKey())
		return err
	}
	if err := sealed(); err != nil {
		t.Errorf("a store of %d snaps: %v", len(s.Snaps), err)
	}
	s.Snaps = append(s.Snaps, snap.StoreSnap{Name: "last", SnapID: "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"})
	if err := sealed(); err == nil {
		t.Errorf("a store of %d snaps was taken", len(s.Snaps))
	}
}

// TestMarkAlone marks a snap as private without the store's item. The bundle is of format 1.3.
func TestMarkAlone(t *testing.T) {
	t.Parallel()
	c := sample(t)
	c.snaps[0].Store = "acme"
	packed := c.pack(t, c.seal(t), bundle.None)
	if !bytes.Contains(packed, []byte(`"vnd.offlinestore.bundle.format":"1.3"`)) {
		t.Error("the bundle is not of format 1.3")
	}
	got, err := receiveBytes(t, packed)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(got.head.Snaps, func(s *bundle.Snap) bool { return s.Name == "jq" }); got.head.Snaps[i].Store != "acme" {
		t.Errorf("jq is private to %q, want acme", got.head.Snaps[i].Store)
	}
}
