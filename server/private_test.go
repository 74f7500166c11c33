package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/session"
	"offlinestore/snap"
)

// The private snaps of the tests. pump is a member of acme-store, lab of acme-lab, and valve of other-store.
const (
	pumpID  = "dddddddddddddddddddddddddddddddd"
	labID   = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
	valveID = "ffffffffffffffffffffffffffffffff"
	// pumpVersion is in no other answer than one about pump.
	pumpVersion = "4711.pump"
)

// privateCatalogue returns catalogue with private snaps in the stores of two brands. Without pump, it lacks that snap and all assertions about it.
func privateCatalogue(b *blobs, st *assertiontest.Stack, pump bool) *catalog.Snapshot {
	c := catalogue(b)
	c.Stores = []catalog.Store{
		{ID: "acme-child", BrandID: "acme", Parent: "acme-store"}, {ID: "acme-friend", BrandID: "acme"},
		{ID: "acme-lab", BrandID: "acme", SnapIDs: []string{labID}}, {ID: "acme-store", BrandID: "acme", SnapIDs: []string{pumpID}},
		{ID: "other-store", BrandID: "other", SnapIDs: []string{valveID}},
	}
	addAssertions(c, st.Store("acme-friend", "acme", "https://friend.example", assertiontest.Headers{"friendly-stores": []any{"acme-store"}}),
		st.Store("acme-store", "acme", "https://acme.example", nil))
	addPrivate(c, b, st, catalog.Snap{Name: "lab", SnapID: labID, Store: "acme-lab"}, "7")
	addPrivate(c, b, st, catalog.Snap{Name: "valve", SnapID: valveID, Store: "other-store"}, "8")
	if pump {
		addPrivate(c, b, st, catalog.Snap{Name: "pump", SnapID: pumpID, Store: "acme-store"}, pumpVersion)
		addAssertions(c, aboutPump(st)...)
	}
	slices.SortFunc(c.Snaps, func(a, b catalog.Snap) int { return strings.Compare(a.Name, b.Name) })
	return c
}

// withoutRows removes the private snaps from a catalogue, as if they had no release, or had been removed. Their assertions stay.
func withoutRows(c *catalog.Snapshot) *catalog.Snapshot {
	c.Snaps = slices.DeleteFunc(c.Snaps, func(sn catalog.Snap) bool {
		if sn.Store != "" {
			c.AbsentPrivate = append(c.AbsentPrivate, sn.SnapID)
		}
		return sn.Store != ""
	})
	return c
}

// addPrivate adds a private snap with everything that a snap may have: an icon, a category, components, integrity data, a cohort.
func addPrivate(c *catalog.Snapshot, b *blobs, st *assertiontest.Stack, sn catalog.Snap, version string) {
	r := revision(b, 6, version, "amd64")
	r.SnapYAML = "name: " + sn.Name + "\nversion: '" + version + "'\napps:\n  " + sn.Name + ": {command: bin/x}\n"
	r.CommonIDs = []string{"com.acme." + sn.Name}
	content := func(what string) (digest.Digest, snap.Download) {
		text := what + " of " + version
		return b.put(text), snap.Download{SHA3384: strings.Repeat("cd", 48), Size: int64(len(text))}
	}
	blob, d := content("component")
	r.Resources, r.ResourceBlobs = []snap.Resource{{Name: "docs", Revision: 3, Type: "component/standard", Version: "1", Download: d}}, []digest.Digest{blob}
	blob, d = content("integrity")
	r.Integrity, r.IntegrityBlobs = []snap.Integrity{{Type: "dm-verity", Version: "1", Digest: strings.Repeat("ab", 32), Download: d}}, []digest.Digest{blob}
	blob, d = content("older component")
	r.OlderComponents = []catalog.ComponentFile{{Name: "docs", Revision: 2, Blob: blob, Size: d.Size}}
	sn.Details = details(sn.Name, "A private snap", "category-of-"+sn.Name)
	blob, d = content("icon")
	sn.Icon = &catalog.Icon{Blob: blob, MediaType: "image/png", Size: d.Size}
	sn.Revisions = []catalog.SnapRevision{r}
	sn.ChannelMap = []snap.Release{release("amd64", "latest/stable", 6, "2024-02-01T00:00:00Z")}
	c.Snaps = append(c.Snaps, sn)
	addAssertions(c, st.SnapDeclaration(sn.SnapID, sn.Name, "acme", nil))
}

// aboutPump returns an assertion of each type that may reveal pump.
func aboutPump(st *assertiontest.Stack) []*assertion.Assertion {
	acme := st.NewAccount("acme", "brand")
	pump := map[string]any{"name": "pump", "id": pumpID, "type": "app"}
	jq := map[string]any{"name": "jq", "id": jqID, "type": "app"}
	validation := func(gating, approved string) *assertion.Assertion {
		return acme.Sign(assertiontest.Headers{"type": "validation", "series": "16", "snap-id": gating, "approved-snap-id": approved, "approved-snap-revision": "6"}, nil)
	}
	file := assertiontest.BlobOf([]byte("a file of pump"))
	return []*assertion.Assertion{
		st.SnapRevision(pumpID, 6, "acme", file, nil),
		st.SnapResourceRevision(pumpID, "docs", 3, "acme", file, nil),
		st.SnapResourcePair(pumpID, "docs", 3, 6, "acme", nil),
		st.StoreSign(assertiontest.Headers{"type": "snap-developer", "snap-id": pumpID, "publisher-id": "acme"}, nil),
		acme.Sign(assertiontest.Headers{"type": "snap-build", "snap-sha3-384": assertion.DigestHeader(file.SHA3_384), "snap-id": pumpID}, nil),
		validation(pumpID, jqID), validation(jqID, pumpID),
		acme.ValidationSet("tools", 1, []any{jq}, nil), acme.ValidationSet("tools", 2, []any{jq, pump}, nil),
		acme.Model("pump-1", assertiontest.Headers{"snaps": []any{pump, jq}}),
		acme.Model("pump-old", assertiontest.Headers{"gadget": "pump=18", "kernel": "pc-kernel"}),
		acme.Sign(assertiontest.Headers{"type": "preseed", "series": "16", "brand-id": "acme", "model": "pump-1", "system-label": "1", "snaps": []any{pump}}, nil),
		acme.Sign(assertiontest.Headers{"type": "cluster", "cluster-id": "c1", "sequence": "1",
			"subclusters": []any{map[string]any{"name": "a", "snaps": []any{map[string]any{"instance": "pump_one", "state": "clustered"}}}}}, nil),
	}
}

// revealing returns the paths of the assertions about pump.
func revealing(t *testing.T, st *assertiontest.Stack) (paths []string) {
	t.Helper()
	for _, a := range aboutPump(st) {
		paths = append(paths, a.Type()+"/"+strings.Join(a.Ref().Path(), "/"))
	}
	return append(paths, "snap-declaration/16/"+pumpID, "validation-set/16/acme/tools", "validation-set/16/acme/tools?sequence=1", "cluster/c1")
}

// TestStoresOfDevices arranges stores above and beside others, and asks for a snap of each.
func TestStoresOfDevices(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	c := catalogue(b)
	friends := func(store string, names ...any) *assertion.Assertion {
		return st.Store(store, "acme", "https://acme.example", assertiontest.Headers{"friendly-stores": names})
	}
	addAssertions(c, friends("a", "f", "a", "none"), friends("f", "g"), friends("only-friends", "f"))
	for i, store := range []catalog.Store{{ID: "a", Parent: "b"}, {ID: "b", Parent: "c"}, {ID: "c", Parent: "a"}, {ID: "f", Parent: "b"}, {ID: "g"}, {ID: "lonely", Parent: "none"}, {ID: ""}} {
		id := strings.Repeat(string(rune('m'+i)), 32)
		store.SnapIDs = []string{id, jqID, "", "no snap"}
		c.Stores = append(c.Stores, store)
		addPrivate(c, b, st, catalog.Snap{Name: "of-" + store.ID + "-store", SnapID: id, Store: "another store"}, "of "+store.ID)
	}
	addPrivate(c, b, st, catalog.Snap{Name: "of-nobody", SnapID: strings.Repeat("z", 32), Store: "a"}, "of nobody")
	s := serve(t, b, c, server.Config{Trust: st.Trust(), Now: assertiontest.Time})
	s.SetSettings(server.Settings{DeviceSecret: deviceSecret})
	for store, want := range map[string]string{
		"": "", "unknown": "", "a": "of-a-store of-b-store of-c-store of-f-store", "b": "of-a-store of-b-store of-c-store", "f": "of-a-store of-b-store of-c-store of-f-store of-g-store",
		"g": "of-g-store", "lonely": "of-lonely-store", "only-friends": "of-f-store",
	} {
		m, err := session.NewKeys(deviceSecret).New(session.Device{Brand: "acme", Model: "m", Serial: "1", Store: store}, assertiontest.Time())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, sn := range c.Snaps {
			if r := call(t, s.Handler(), "GET", "/v2/snaps/info/"+sn.Name, "", header(m)); strings.HasPrefix(sn.Name, "of-") && r.StatusCode == 200 {
				got = append(got, sn.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("store %q: %q, want %q", store, got, want)
		}
	}
	if r := call(t, serve(t, b, c, server.Config{Trust: st.Trust(), Operator: true}).Handler(), "GET", "/v2/snaps/info/of-nobody", ""); r.StatusCode != 200 {
		t.Errorf("the operator gets %d", r.StatusCode)
	}
}
