package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// TestRepackRanges divides blobs into ranges, and joins them again.
func TestRepackRanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	b := bundletest.New(t, 0).Add("small", 1, 3000).Add("large", 1, 3<<20).Add("other", 1, 2<<20)
	b.WriteFile(path("first.tar"), bundle.None)
	repack := func(o repacking, from, to string) {
		t.Helper()
		o.keys = []bundle.PublicKey{bundletest.Public(t, b.Key)}
		if err := o.run(t.Context(), io.Discard, path(from), path(to)); err != nil {
			t.Fatalf("%s to %s: %v", from, to, err)
		}
	}
	if err := os.Mkdir(path("parts"), 0o755); err != nil {
		t.Fatal(err)
	}
	repack(repacking{layout: layoutFiles}, "first.tar", "folder")
	repack(repacking{partSize: 1_200_000}, "folder", "parts/week.tar")
	files, err := os.ReadDir(path("parts"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d parts, %v; want at least 5", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Size() > 1_200_000 {
			t.Errorf("%s has %d bytes, %v", f.Name(), info.Size(), err)
		}
	}
	repack(repacking{}, "parts", "second.tar")
	repack(repacking{layout: layoutOCI}, "parts", "layout")
	repack(repacking{}, "layout", "third.tar")
	want, err := os.ReadFile(path("first.tar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"second.tar", "third.tar"} {
		if got, err := os.ReadFile(path(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, %v; want the %d of the first", name, len(got), err, len(want))
		}
	}
}
