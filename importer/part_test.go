package importer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
)

// partBundle returns a bundle with snaps of which one is larger than a part.
func partBundle(t testing.TB, days int) *bundletest.Bundle {
	return bundletest.New(t, days).Add("core", 1, 400<<10).Add("big", days+1, 3<<20).Add("tool", days+1, 500<<10)
}

// parts returns the files of the parts of a bundle.
func parts(t testing.TB, b *bundletest.Bundle) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, packed := range b.Parts(1500<<10, bundle.None) {
		paths = append(paths, write(t, dir, fmt.Sprintf("x.part%d", i+1), packed))
	}
	return paths
}

// pushParts imports files in one command.
func (s *site) pushParts(paths ...string) []*importer.File {
	s.t.Helper()
	b, _ := s.batch(paths...)
	b.PushChannelMap = false
	must(s.t, b.Plan(s.t.Context()))
	b.Run(s.t.Context())
	return b.Files
}

// waits fails the test unless a file was pushed and its bundle waits for these parts.
func waits(t testing.TB, f *importer.File, missing ...int) {
	t.Helper()
	if f.Err != nil || f.Part == nil || !slices.Equal(f.Part.Missing, missing) || f.Done == nil {
		t.Errorf("%s: %v, %+v, want that it waits for %v", f.Name, f.Err, f.Part, missing)
	}
}

// sets returns the divided bundles that wait.
func (s *site) sets() []catalog.PartSet {
	s.t.Helper()
	list, err := s.Store.PartSets(s.t.Context())
	must(s.t, err)
	return list
}

// imported fails the test unless the bundle is served, and nothing waits.
func (s *site) imported(revision int) {
	s.t.Helper()
	for _, name := range []string{"big", "tool"} {
		if got := channelMap(s.served(), name)["latest/stable"]; got != revision {
			s.t.Errorf("latest/stable of %s is revision %d, want %d", name, got, revision)
		}
	}
	if sets := s.sets(); len(sets) != 0 {
		s.t.Errorf("%d divided bundles wait, want none", len(sets))
	}
}

// TestParts pushes the parts of a bundle one by one, in every order. Nothing is served before the last one.
func TestParts(t *testing.T) {
	t.Parallel()
	paths := parts(t, partBundle(t, 0))
	if len(paths) != 3 {
		t.Fatalf("%d parts, want 3", len(paths))
	}
	orders := [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}, {1, 0, 2}, {2, 0, 1}}
	if testing.Short() {
		orders = orders[:2]
	}
	for _, order := range orders {
		s := newSite(t)
		before := s.served()
		for i, n := range order {
			var missing []int
			for _, m := range order[i+1:] {
				missing = append(missing, m+1)
			}
			slices.Sort(missing)
			waits(t, s.pushParts(paths[n])[0], missing...)
			if i < 2 {
				s.serves(before)
				waits(t, s.pushParts(paths[n])[0], missing...) // again
			}
		}
		s.imported(1)
		for _, n := range order {
			if f := s.pushParts(paths[n])[0]; f.Err != nil || !f.UpToDate {
				t.Errorf("part %d after the import: %v, up to date: %t", n+1, f.Err, f.UpToDate)
			}
		}
	}
}

// TestPartsTogether pushes all parts in one command, and two at a time.
func TestPartsTogether(t *testing.T) {
	t.Parallel()
	paths := parts(t, partBundle(t, 0))
	for _, groups := range [][][]string{{{paths[2], paths[0], paths[1]}}, {{paths[2], paths[0]}, {paths[1]}}, {{paths[1]}, {paths[2], paths[0]}}} {
		s := newSite(t)
		for i, group := range groups {
			for _, f := range s.pushParts(group...) {
				if f.Err != nil || (len(f.Part.Missing) == 0) != (i == len(groups)-1) {
					t.Errorf("%s: %v, waits for %v", f.Name, f.Err, f.Part.Missing)
				}
			}
		}
		s.imported(1)
	}
}

// TestPartsForced pushes parts with PushChannelMap, beside a bundle that is whole.
func TestPartsForced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, partBundle(t, 0))
	paths = append(paths, write(t, t.TempDir(), "whole", partBundle(t, 1).Tar(bundle.None)))
	b, _ := s.batch(paths...)
	b.PushChannelMap = true
	must(t, b.Plan(t.Context()))
	b.Run(t.Context())
	for _, f := range b.Files {
		must(t, f.Err)
	}
	s.imported(2)
}

// TestPartsOfSeveralBundles pushes the parts of two bundles, mixed. They share a blob.
func TestPartsOfSeveralBundles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := parts(t, partBundle(t, 0)), parts(t, partBundle(t, 1))
	s.pushParts(first[0], second[2])
	s.pushParts(second[1], first[1])
	if sets := s.sets(); len(sets) != 2 {
		t.Fatalf("%d divided bundles wait, want 2", len(sets))
	}
	for _, f := range s.pushParts(first[2], second[0]) {
		must(t, f.Err)
	}
	s.imported(2)
}

// TestPartsOfOtherDivision pushes parts of two divisions of the same bundle. Their ranges are not joined.
func TestPartsOfOtherDivision(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := partBundle(t, 0)
	paths, dir := parts(t, b), t.TempDir()
	var others []string
	for i, packed := range b.Parts(1400<<10, bundle.None) {
		others = append(others, write(t, dir, fmt.Sprint(i), packed))
	}
	s.pushParts(paths[0])
	for _, path := range others[1:] {
		if f := s.pushParts(path)[0]; f.Err != nil || len(f.Part.Missing) == 0 {
			t.Errorf("%s: %v, it waits for %v, want that it waits", path, f.Err, f.Part.Missing)
		}
	}
	if sets := s.sets(); len(sets) != 2 {
		t.Errorf("%d sets wait, want 2", len(sets))
	}
	s.pushParts(paths[1], paths[2])
	if got := channelMap(s.served(), "tool")["latest/stable"]; got != 1 {
		t.Errorf("latest/stable is revision %d, want 1", got)
	}
}

// TestPartDamaged costs only the damaged part.
func TestPartDamaged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := partBundle(t, 0)
	paths := parts(t, b)
	good := parts(t, b)
	info, err := os.Stat(paths[1])
	must(t, err)
	flipAt(t, paths[1], info.Size()-2000)
	files := s.pushParts(paths...)
	var damaged *bundle.BlobError
	if !errors.As(files[1].Err, &damaged) {
		t.Errorf("part 2: %v, want a damaged range", files[1].Err)
	}
	waits(t, files[2], 2)
	must(t, files[0].Err)
	if f := s.pushParts(good[1])[0]; f.Err != nil || len(f.Part.Missing) > 0 {
		t.Errorf("the good part 2: %v, waits for %v", f.Err, f.Part.Missing)
	}
	s.imported(1)
}

// TestPartLost asks again for a part of which a blob has gone, as after a restore without blobs.
func TestPartLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, partBundle(t, 0))
	s.pushParts(paths[0], paths[1])
	blobs := s.sets()[0].Arrived[0].Blobs
	must(t, os.Remove(filepath.Join(s.blobs, "sha256", blobs[0].Digest.Encoded())))
	waits(t, s.pushParts(paths[2])[0], 1)
	must(t, s.pushParts(paths[0])[0].Err)
	s.imported(1)
}

// TestPartAfterWhole forgets a set whose bundle was imported whole.
func TestPartAfterWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := partBundle(t, 0)
	paths := parts(t, b)
	waits(t, s.pushParts(paths[1])[0], 1, 3)
	s.mustPush(b.Tar(bundle.None))
	if f := s.pushParts(paths[0])[0]; f.Err != nil || !f.UpToDate {
		t.Errorf("a part of an imported bundle: %v, up to date: %t", f.Err, f.UpToDate)
	}
	s.imported(1)
}

// TestPartsOfIncrement pushes an increment in parts, and one whose blobs are not here.
func TestPartsOfIncrement(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := partBundle(t, 0), partBundle(t, 1)
	second.Predicate.Expects = []digest.Digest{second.Revisions[0].Blob.Digest}
	second.Predicate.Increment = &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption}
	paths := parts(t, second)
	if _, ok := errors.AsType[*importer.ExpectedError](s.pushParts(paths[0])[0].Err); !ok {
		t.Error("a part of an increment was taken, although the blobs that it relies on are not here")
	}
	s.mustPush(first.Tar(bundle.None))
	for _, path := range paths {
		must(t, s.pushParts(path)[0].Err)
	}
	s.imported(2)
}

// TestPartIsNotApplied refuses to apply a part by itself.
func TestPartIsNotApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	packed, err := os.ReadFile(parts(t, partBundle(t, 0))[0])
	must(t, err)
	if _, err := s.push(packed); err == nil {
		t.Error("a part was applied")
	}
}

// TestLyingDivision joins ranges that have the digests of the division and do not make the blob. Nothing is imported.
func TestLyingDivision(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := partBundle(t, 0)
	dir := t.TempDir()
	var paths []string
	for i, packed := range b.LyingParts(1500 << 10) {
		paths = append(paths, write(t, dir, fmt.Sprint(i), packed))
	}
	before := s.served()
	files := s.pushParts(paths...)
	if _, ok := errors.AsType[*importer.JoinError](files[len(files)-1].Err); !ok {
		t.Errorf("got %v, want a JoinError", files[len(files)-1].Err)
	}
	s.serves(before)
	must(t, s.pushParts(parts(t, b)...)[0].Err)
	if got := channelMap(s.served(), "big")["latest/stable"]; got != 1 {
		t.Errorf("latest/stable is revision %d, want 1", got)
	}
}

// TestPartsCancelled keeps the parts that had arrived.
func TestPartsCancelled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, partBundle(t, 0))
	waits(t, s.pushParts(paths[0])[0], 2, 3)
	b, _ := s.batch(paths[1:]...)
	b.PushChannelMap = false
	must(t, b.Plan(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(int64) { cancel() }
	b.Run(ctx)
	if sets := s.sets(); len(sets) != 1 || len(sets[0].Arrived) == 0 {
		t.Errorf("after a cancelled push: %+v", sets)
	}
	s.pushParts(paths[1:]...)
	s.imported(1)
}

// flipAt changes one bit of a file.
func flipAt(t testing.TB, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	b[at] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
}
