//go:build linux

package main_test

import (
	"path/filepath"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// writeReports writes two bundles by the exporter charmer.pem. Both have revision 6 of jq:
//
//	before.tar.gz  day 10: with revision 5 of the component comp1, and comp2
//	after.tar.gz   day 20: with revision 8 of comp1, no comp2, and another title, icon and declaration
//	shared1.tar.gz to shared3.tar.gz  a snap each, and the same large snap
func (f *fixture) writeReports(t *testing.T) {
	jq := func(days int, title, declaration string, components ...int) *bundletest.Bundle {
		b := bundletest.New(t, days)
		s := b.AddSnap("jq", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6})
		s.Snap.Title, s.Icon = title, &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG " + title)}
		s.Assertions = b.Stream(b.Stack.SnapDeclaration(s.SnapID, "jq", assertiontest.RootID, assertiontest.Headers{
			"revision": declaration, "format": declaration, "aliases": []any{map[string]any{"name": "jq" + declaration, "target": "jq"}}}))
		b.AddRevisionWith("jq", 6, b.Blob("jq_6", 3000), components...)
		return b
	}
	write := func(name string, b *bundletest.Bundle) { b.WriteFile(filepath.Join(f.dir, name), bundle.Gzip) }
	write("before.tar.gz", jq(10, "Old title", "1", 5, 2))
	write("after.tar.gz", jq(20, "New title", "2", 8))
	for i, name := range []string{"one", "two", "three"} {
		write("shared"+string(rune('1'+i))+".tar.gz", bundletest.New(t, 10+i).Add(name, 1, 1000).Add("snapd", 7, 100_000))
	}
}
