//go:build linux

package main_test

import (
	"path/filepath"
	"slices"
	"testing"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
)

// imageUpdate returns a bundle with an image that belongs to no charm, for two platforms.
func imageUpdate(t *testing.T) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, 20)
	b.AddNamedImage("apps/app:1", "app", "linux/amd64", "linux/arm64")
	return b
}

// badImages returns the rows about images that belong to no charm.
func badImages() []badInput {
	damaged := []int{cli.Damaged}
	return []badInput{
		{"flipped bit in a layer of an image that belongs to no charm", damaged, []string{"layer"}, func(t *testing.T, _ string) []byte {
			b := imageUpdate(t)
			return flipBlob(t, b, filepath.Base(layerOf(t, b)))
		}},
		{"image that belongs to no charm, whose layer is missing", damaged, []string{"should"}, func(t *testing.T, _ string) []byte {
			b := imageUpdate(t)
			return editBlob(t, b, filepath.Base(layerOf(t, b)), func(files []bundletest.File, i int) []bundletest.File { return slices.Delete(files, i, i+1) })
		}},
		{"image that belongs to no charm, whose manifest is altered", damaged, []string{"image-"}, func(t *testing.T, _ string) []byte {
			b := imageUpdate(t)
			return flipBlob(t, b, b.Images[0].Digest.Encoded())
		}},
	}
}
