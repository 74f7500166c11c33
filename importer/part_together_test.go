package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// writeParts writes the parts of a bundle, of at most size bytes each.
func writeParts(t testing.TB, b *bundletest.Bundle, size int64, c bundle.Compression) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, packed := range b.Parts(size, c) {
		paths = append(paths, write(t, dir, fmt.Sprintf("x.part%d", i+1), packed))
	}
	return paths
}

// ranges returns the names of the ranges in parts.
func ranges(t testing.TB, paths []string) (names []string) {
	t.Helper()
	for _, path := range paths {
		packed, err := os.ReadFile(path)
		must(t, err)
		r, err := bundle.NewReader(path, bytes.NewReader(packed))
		must(t, err)
		_, _, err = r.VerifyUnsafe(t.Context())
		must(t, err)
		h, err := r.Head()
		must(t, err)
		for _, of := range h.Part.Ranges {
			names = append(names, of.Digest.Encoded())
		}
	}
	return names
}

// kept counts the ranges that are in the blob folder.
func (s *site) kept(ranges []string) (n int) {
	s.t.Helper()
	for _, name := range ranges {
		if _, err := os.Stat(filepath.Join(s.blobs, "sha256", name)); err == nil {
			n++
		}
	}
	return n
}

// TestPartsAreWrittenOnce pushes all parts in one command, in every framing. No range gets into the store, and each file is reported once.
func TestPartsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []bundle.Compression{bundle.None, bundle.Gzip, bundle.Zstd} {
		s := newSite(t)
		paths := writeParts(t, partBundle(t, 0).AddWholeCharm("charm", 1, 2<<20), 1500<<10, c)
		b, reported := s.batch(append(paths, paths[1])...)
		b.PushChannelMap = false
		must(t, b.Plan(t.Context()))
		var missing, read int64
		for _, f := range b.Files {
			missing += f.Missing
		}
		if want := int64(400<<10 + 3<<20 + 500<<10 + 2<<20); missing < want || missing > want+100<<10 {
			t.Errorf("%s: %d bytes to copy, want %d and a little more: each blob once", c, missing, want)
		}
		b.Progress = func(n int64) { read += n }
		b.Run(t.Context())
		if n := s.kept(ranges(t, paths)); n > 0 {
			t.Errorf("%s: %d ranges were written beside their blobs", c, n)
		}
		if len(reported) != len(b.Files) || read < missing || read > missing+100<<10 {
			t.Errorf("%s: %d of %d files reported, %d bytes read, want about %d", c, len(reported), len(b.Files), read, missing)
		}
		for _, f := range b.Files {
			if f.Err != nil || f.Done == nil {
				t.Errorf("%s: %s: %v, done: %v", c, f.Name, f.Err, f.Done)
			}
		}
		s.imported(1)
	}
}

// TestPartsOfManyBlobs joins more blobs than may be open at once, with one worker that hashes. The ranges of the others are kept and joined.
func TestPartsOfManyBlobs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Hasher = blob.NewHasher(1)
	t.Cleanup(s.Hasher.Close)
	const snaps = 40
	b := bundletest.New(t, 0)
	for i := range snaps { // the second range fills a part, so that one part has the first ranges of all
		b.Add(fmt.Sprintf("snap-%03d", i), 1, 1<<20+16<<10)
	}
	paths := writeParts(t, b, b.LeastPart(), bundle.None)
	for _, f := range s.pushParts(paths...) {
		must(t, f.Err)
	}
	if n := len(s.served().Snaps); n != snaps {
		t.Errorf("%d snaps are served, want %d", n, snaps)
	}
	if all := ranges(t, paths); s.kept(all) == 0 || s.kept(all) > len(all)/2 {
		t.Errorf("%d of %d ranges were kept, want a few", s.kept(all), len(all))
	}
}

// TestPartsTogetherDamaged flips bits of parts that are pushed together, and cuts them off. That costs the one part, and the blobs of the
// others are kept.
func TestPartsTogetherDamaged(t *testing.T) {
	t.Parallel()
	s, r := newSite(t), rand.New(rand.NewPCG(3, 4))
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for n := range rounds {
		paths := parts(t, bundletest.New(t, n).Add("core", n+1, 400<<10).Add("big", n+1, 3<<20).Add("tool", n+1, 500<<10).AddWholeCharm("charm", n+1, 2<<20))
		before, bad := s.served(), r.IntN(len(paths))
		good, err := os.ReadFile(paths[bad])
		must(t, err)
		at := 1 + r.IntN(len(good)-1)
		if n%3 == 0 {
			must(t, os.WriteFile(paths[bad], good[:at], 0o600))
		} else {
			flipAt(t, paths[bad], int64(at)-1)
		}
		for i, f := range s.pushParts(paths...) {
			if (f.Err != nil) != (i == bad) || f.Err == nil && f.Done == nil {
				t.Errorf("round %d, part %d of which byte %d is bad: %s: %v", n, bad+1, at, f.Name, f.Err)
			} else if i == bad && !isRefusal(f.Err) {
				t.Errorf("round %d: %s: %v, want a refusal", n, f.Name, f.Err)
			}
		}
		s.serves(before)
		if sets := s.sets(); len(sets) != 1 || len(sets[0].Arrived) != len(paths)-1 {
			t.Errorf("round %d: %+v, want that all parts but %d are here", n, sets, bad+1)
		}
		must(t, os.WriteFile(paths[bad], good, 0o600))
		if f := s.pushParts(paths[bad])[0]; f.Err != nil || len(f.Part.Missing) > 0 {
			t.Errorf("round %d: the good part: %v, waits for %v", n, f.Err, f.Part.Missing)
		}
		s.imported(n + 1)
	}
}

// addLargeImage adds a charm with an image that has a layer of size bytes.
func addLargeImage(b *bundletest.Bundle, size int64) *bundletest.Bundle {
	layer, config := b.Blob("layer", size), b.Blob("config", 100)
	d := b.AddManifest(ocispec.MediaTypeImageManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":100},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, config.Digest, ocispec.MediaTypeImageLayerGzip, layer.Digest, size))
	b.AddCharm("charm", charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 1, ReleasedAt: "2024-02-03T04:05:06+00:00",
		Resources: []charm.ResourceRef{{Name: "data", Revision: 1}, {Name: "image", Revision: 1}}})
	b.AddCharmRevision("charm", 1, *bundletest.Base("22.04"))
	b.AddResource("charm", "data", 1, b.Blob("data", 100))
	b.AddImageResource("charm", "image", 1, d.Digest)
	return b
}

// TestPartsTogetherOfAnImage flips a bit in a layer of an image, of which nothing but the signed bundle index has a digest.
func TestPartsTogetherOfAnImage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, addLargeImage(bundletest.New(t, 0), 3<<20))
	info, err := os.Stat(paths[1])
	must(t, err)
	before := s.served()
	flipAt(t, paths[1], info.Size()/2)
	for _, f := range s.pushParts(paths...) {
		if _, ok := errors.AsType[*bundle.BlobError](f.Err); ok != (f.Part.Number == 2) {
			t.Errorf("part %d: %v, want that part 2 is damaged", f.Part.Number, f.Err)
		}
	}
	s.serves(before)
	flipAt(t, paths[1], info.Size()/2)
	must(t, s.pushParts(paths[1])[0].Err)
	if n := len(s.served().Charms); n != 1 {
		t.Errorf("%d charms are served, want 1", n)
	}
}

// TestPartsTogetherAfterOthers pushes some parts, and then the rest together. Blobs whose ranges are among the rest are written once.
func TestPartsTogetherAfterOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, partBundle(t, 0).Add("other", 1, 4<<20).AddWholeCharm("charm", 1, 2<<20))
	for i := range 2 {
		must(t, s.pushParts(paths[i])[0].Err)
	}
	early := s.kept(ranges(t, paths))
	for _, f := range s.pushParts(append(slices.Clone(paths[2:]), paths[0])...) {
		must(t, f.Err)
	}
	if all := ranges(t, paths); early == 0 || s.kept(all) >= len(all) {
		t.Errorf("%d ranges were kept before, and %d of %d in all, want fewer", early, s.kept(all), len(all))
	}
	s.imported(1)
}

// TestPartsTogetherCancelled cancels a push of all parts at each of several moments, and pushes them again.
func TestPartsTogetherCancelled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	paths := parts(t, partBundle(t, 0))
	before := s.served()
	for _, after := range []int64{1, 1 << 20, 2 << 20, 7 << 19} {
		b, _ := s.batch(paths...)
		must(t, b.Plan(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		var read int64
		b.Progress = func(n int64) {
			if read += n; read >= after {
				cancel()
			}
		}
		b.Run(ctx)
		for _, f := range b.Files {
			if !errors.Is(f.Err, context.Canceled) {
				t.Errorf("cancelled after %d bytes: %s: %v", after, f.Name, f.Err)
			}
		}
		s.serves(before)
	}
	for _, f := range s.pushParts(paths...) {
		must(t, f.Err)
	}
	s.imported(1)
}

// TestPartReplaced replaces the content of a file after the plan, by another part and by a whole bundle.
func TestPartReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	whole := partBundle(t, 1).Tar(bundle.None)
	for _, with := range []int{0, 2, -1} {
		paths := parts(t, partBundle(t, 0))
		b, _ := s.batch(paths...)
		must(t, b.Plan(t.Context()))
		other := whole
		if with >= 0 {
			var err error
			other, err = os.ReadFile(paths[with])
			must(t, err)
		}
		must(t, os.WriteFile(paths[1], other, 0o600))
		b.Run(t.Context())
		for _, f := range b.Files {
			if (f.Err != nil) != (f.Part.Number == 2) {
				t.Errorf("part %d, where part 2 was replaced: %v", f.Part.Number, f.Err)
			}
		}
		s.serves(before)
	}
}
