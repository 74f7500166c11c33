package importer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
)

// positions returns places in n bytes: all of the first ones, where the head is, and a choice of the others.
func positions(n, all, chosen int) []int {
	out := make([]int, 0, all+chosen)
	for i := range min(n, all) {
		out = append(out, i)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range chosen {
		out = append(out, r.IntN(n))
	}
	return out
}

// TestFlippedBit flips bits all over a bundle. Each such bundle must be refused for the damage, and none may change the served content.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustPush(bundletest.New(t, 1).Add("first", 1, 1000).Tar(bundle.None))
	before := s.served()
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.None} {
		good := bundletest.New(t, 2).Add("first", 2, 3000).Add("second", 1, 5000).AddWholeCharm("app", 1, 3000).Tar(c)
		places := positions(len(good), 1000, 2000)
		if testing.Short() {
			places = places[:200]
		}
		for i, at := range places {
			bad := append([]byte(nil), good...)
			bad[at] ^= 1 << (i % 8)
			if _, err := s.push(bad); !isRefusal(err) {
				t.Errorf("%s: bit %d of byte %d flipped: push = %v, want a refusal", c, i%8, at, err)
			}
		}
		s.serves(before)
	}
	s.mustPush(bundletest.New(t, 2).Add("first", 2, 3000).Add("second", 1, 5000).AddWholeCharm("app", 1, 3000).Tar(bundle.Gzip))
	if c := s.served(); len(c.Snaps) != 2 || len(c.Charms) != 1 || len(c.Images) != 3 {
		t.Errorf("%d snaps, %d charms and %d manifests after the good push, want 2, 1 and 3", len(c.Snaps), len(c.Charms), len(c.Images))
	}
}

// TestCutOff cuts a bundle off all over.
func TestCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		good := bundletest.New(t, 2).Add("first", 2, 3000).Add("second", 1, 5000).AddWholeCharm("app", 1, 3000).Tar(c)
		places := positions(len(good), 20, 300)
		if testing.Short() {
			places = places[:70]
		}
		for _, at := range places {
			if _, err := s.push(good[:at]); !isRefusal(err) {
				t.Errorf("%s: cut off after %d of %d bytes: push = %v, want a refusal", c, at, len(good), err)
			}
		}
		if _, err := s.push(append(good, 0)); !isRefusal(err) {
			t.Errorf("%s: with a byte too many: push = %v, want a refusal", c, err)
		}
		s.serves(before)
	}
}

// several returns a bundle of four snaps, and the place of each snap's blob in its tar.
func several(t *testing.T) (packed []byte, files []bundletest.File, payload int) {
	t.Helper()
	b := bundletest.New(t, 2)
	for i := range 4 {
		b.Add(fmt.Sprintf("snap%d", i), 1, 4000)
	}
	packed = b.Tar(bundle.None)
	files = bundletest.Unpack(t, packed)
	return packed, files, len(files) - 4
}

func TestDamagedBlobsAreNamedAndTheOthersKept(t *testing.T) {
	t.Parallel()
	good, files, payload := several(t)
	for name, damage := range map[string]func(dir string) []byte{
		"in a tar": func(string) []byte {
			bad := clone(files)
			bad[payload].Data[0] ^= 1
			bad[payload+2].Data[3999] ^= 1
			return bundletest.Pack(t, bad)
		},
		"in a directory": func(dir string) []byte {
			bundletest.UnpackTo(t, dir, files)
			flip(t, filepath.Join(dir, files[payload].Header.Name))
			must(t, os.Remove(filepath.Join(dir, files[payload+2].Header.Name)))
			return nil
		},
		"cut off in a directory": func(dir string) []byte {
			bundletest.UnpackTo(t, dir, files)
			must(t, os.Truncate(filepath.Join(dir, files[payload].Header.Name), 17))
			must(t, os.WriteFile(filepath.Join(dir, files[payload+2].Header.Name), make([]byte, 5000), 0o644))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			before := s.served()
			dir := t.TempDir()
			bad := damage(dir)
			push := func() error { _, err := s.pushDir(dir); return err }
			if bad != nil {
				push = func() error { _, err := s.push(bad); return err }
			}
			err := push()
			var damaged *bundle.BlobError
			if !errors.As(err, &damaged) {
				t.Fatalf("push = %v, want a BlobError", err)
			}
			for i, named := range []bool{true, false, true, false} {
				if got := strings.Contains(err.Error(), files[payload+i].Header.Name[len("blobs/sha256/"):]); got != named {
					t.Errorf("push = %v; it names blob %d: %v, want %v", err, i, got, named)
				}
			}
			s.serves(before)
			if got := s.missing(good); got != 2*4000 {
				t.Errorf("%d bytes are missing afterwards, want the 8000 of the damaged blobs", got)
			}
			s.mustPush(good)
			if n := len(s.served().Snaps); n != 4 {
				t.Errorf("%d snaps after the good push, want 4", n)
			}
		})
	}
}

func TestCutOffKeepsWholeBlobs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good, _, _ := several(t)
	before := s.served()
	end := len(good) - 1024 - 4608 // the last blob begins there
	if _, err := s.push(good[:end+600]); !isRefusal(err) {
		t.Fatalf("push = %v, want a refusal", err)
	}
	s.serves(before)
	if got := s.missing(good); got != 4000 {
		t.Errorf("%d bytes are missing afterwards, want the 4000 of the last blob", got)
	}
}

func clone(files []bundletest.File) []bundletest.File {
	out := append([]bundletest.File(nil), files...)
	for i := range out {
		out[i].Data = append([]byte(nil), out[i].Data...)
	}
	return out
}

// TestWrongSHA3 tries a blob with the signed SHA-256, but with another SHA3-384 than its snap-revision names.
func TestWrongSHA3(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	make := func(days int, lie bool) *bundletest.Bundle {
		b := bundletest.New(t, days).Add("good", 1, 500)
		b.AddSnap("bad")
		blob := b.Blob("bad", 4000)
		if lie {
			blob.SHA3384[7] ^= 1
		}
		b.AddRevision("bad", 1, blob)
		return b
	}
	lying := make(2, true).Tar(bundle.None)
	for range 2 { // the second time, good's blob is held
		_, err := s.push(lying)
		var damaged *bundle.BlobError
		if !errors.As(err, &damaged) || damaged.Title != "bad_1.snap" || !strings.Contains(err.Error(), "SHA3-384") {
			t.Errorf("push = %v, want a BlobError that names bad_1.snap and SHA3-384", err)
		}
		s.serves(before)
		if got := s.missing(lying); got != 4000 {
			t.Errorf("%d bytes are missing afterwards, want the 4000 of the wrong blob", got)
		}
	}
	s.mustPush(make(1, false).Tar(bundle.None))
	// Now the blob is held, and the catalogue knows its SHA3-384.
	before = s.served()
	if _, err := s.push(lying); err == nil || !strings.Contains(err.Error(), "SHA3-384") {
		t.Errorf("push of a held blob under another SHA3-384 = %v, want an error that names it", err)
	}
	s.serves(before)
}

// TestIconThatIsASnap imports the bytes of a snap as the icon of another one first. No assertion names the SHA3-384 of an icon.
func TestIconThatIsASnap(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	content := []byte("hsqs: a very small snap")
	icon := bundletest.New(t, 1)
	icon.AddSnap("other").Icon = &bundle.Icon{MediaType: "image/png", Data: content}
	s.mustPush(icon.Tar(bundle.None))
	b := bundletest.New(t, 2)
	b.AddSnap("bare")
	b.AddRevision("bare", 5, b.BlobOf(content))
	packed := b.Tar(bundle.None)
	s.mustPush(packed)
	s.mustPush(packed) // verified by the SHA3-384 that the catalogue knows now
}

// TestBlobGoneMeanwhile removes a blob between the verification and the end.
func TestBlobGoneMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	b := bundletest.New(t, 1).Add("new", 1, 500)
	packed := b.Tar(bundle.None)
	o, err := s.open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	// The first push commits the blob. The second one finds it held, and then it is removed.
	s.commitOnly(packed)
	staging, err := s.Verify(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	must(t, s.Blobs.Remove(t.Context(), b.Revisions[0].Blob.Digest))
	if v, err := staging.Wait(); err == nil {
		t.Errorf("Wait = %v, want an error about the blob that is gone", v)
	}
	s.serves(before)
}

// commitOnly verifies a bundle and does not apply it.
func (s *site) commitOnly(packed []byte) *importer.Verified {
	s.t.Helper()
	o, err := s.open(packed)
	if err != nil {
		s.t.Fatal(err)
	}
	defer o.Close()
	staging, err := s.Verify(s.t.Context(), o, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := staging.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// TestApplyIsTheOnlyStep checks that devices see nothing before Apply, and that Apply needs only the value from Verify.
func TestApplyIsTheOnlyStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	packed := sample(t).Tar(bundle.None)
	v := s.commitOnly(packed)
	s.serves(before)
	if got := s.missing(packed); got != 0 {
		t.Errorf("%d bytes are missing after Wait, want 0", got)
	}
	o, err := s.open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	plan := s.plan(s.Candidate(o))
	s.serves(before)
	got, err := s.Apply(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, got); diff != "" {
		t.Errorf("Apply did something else than PlanAll said (-plan +apply):\n%s", diff)
	}
	if n := len(s.served().Snaps); n != 2 {
		t.Errorf("%d snaps, want 2", n)
	}
}
