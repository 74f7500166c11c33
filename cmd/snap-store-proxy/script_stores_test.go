//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// writeStores writes exports of the store acme-pumps and of acme above it, by the exporter charmer.pem:
//
//	store1.tar.gz  day 30: with the private snaps pump and tool
//	store2.tar.gz  day 40: without tool, and with revision 2 of pump
//	other.tar.gz   day 50: acme of another brand
//	friend.assert          the assertion of the store acme-friend, which names acme as friendly
func (f *fixture) writeStores(t *testing.T) {
	export := func(days, revision int, names ...string) *bundletest.Bundle {
		b := bundletest.New(t, days)
		for _, name := range names {
			b.AddSnap(name, snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: revision})
			b.AddRevision(name, revision, b.Blob(name, 1000))
		}
		b.AddStore("acme", "Acme", "", names...)
		s := b.AddStore("acme-pumps", "Acme pumps", "acme")
		s.AdminID, s.Assertions = "acme-admin", b.Stream(b.Stack.Account(bundletest.StoreBrand, "Brand", nil), b.Stack.Account("acme-admin", "Ada", nil))
		return b
	}
	friend := bundletest.New(t, 0)
	brand := friend.Stack.NewAccount("acme-brand", "brand")
	stream := friend.Stream(brand.Account, friend.Stack.Store("acme-friend", brand.ID, "", assertiontest.Headers{"friendly-stores": []any{"acme"}, "url": nil}))
	if err := os.WriteFile(filepath.Join(f.dir, "friend.assert"), stream, 0o600); err != nil {
		t.Fatal(err)
	}
	other := export(50, 1, "pump")
	other.Stores[0].BrandID = "acme-admin"
	for name, b := range map[string]*bundletest.Bundle{"store1": export(30, 1, "pump", "tool"), "store2": export(40, 2, "pump"), "other": other} {
		b.WriteFile(filepath.Join(f.dir, name+".tar.gz"), bundle.Gzip)
	}
}
