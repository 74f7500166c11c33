//go:build linux

package main_test

import (
	"path/filepath"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// writeImages writes bundles of images that belong to no charm, by charmer.pem:
//
//	images-old.tar.gz  day 10: apps/app with the tags 1 and latest, for two platforms, and apps/tool without a tag
//	images-new.tar.gz  day 20: another apps/app with the tag 1, and one with the tag 2
//	images-clash.tar.gz  day 30: osm/pla, in which the charm bundle of kit.tar.gz has an image
//	charm-clash.tar.gz  day 30: a charm bundle with an image in apps/app
func (f *fixture) writeImages(t *testing.T) {
	write := func(name string, b *bundletest.Bundle) { b.WriteFile(filepath.Join(f.dir, name), bundle.Gzip) }
	old := bundletest.New(t, 10)
	old.AddNamedImage("apps/app:1", "one", "linux/amd64", "linux/arm64")
	old.AddNamedImage("apps/app:latest", "one", "linux/amd64", "linux/arm64")
	old.AddNamedImage("apps/tool", "tool", "linux/amd64")
	write("images-old.tar.gz", old)
	newer := bundletest.New(t, 20)
	newer.AddNamedImage("apps/app:1", "two", "linux/amd64")
	newer.AddNamedImage("apps/app:2", "three", "linux/amd64")
	write("images-new.tar.gz", newer)
	clash := bundletest.New(t, 30)
	clash.AddNamedImage("osm/pla:stable", "pla", "linux/amd64")
	write("images-clash.tar.gz", clash)
	taken := bundletest.New(t, 30)
	taken.AddCharmBundle("taken", charm.Release{Channel: "latest/stable", Revision: 2})
	taken.AddBundleRevision("taken", 2, "applications:\n  mine: {charm: ./mine.charm}\n")
	taken.CharmRevisions[0].Images = []charm.Image{{Name: "apps/app:charm", Digest: taken.AddImage("pla", "linux/amd64").String()}}
	write("charm-clash.tar.gz", taken)
}
