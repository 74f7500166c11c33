package bundle_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
)

var framings = []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None}

// equateBytes compares bytes at once, not one by one.
func equateBytes() cmp.Option {
	return cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) > 0 }, cmp.Comparer(bytes.Equal))
}

// checkReceived compares the content that was read with the content that was written.
func checkReceived(t *testing.T, got *receivedBundle, c *content, s *bundle.SignedBundle) {
	t.Helper()
	if got.digest != s.Digest() {
		t.Errorf("digest %s, want %s", got.digest, s.Digest())
	}
	if diff := cmp.Diff(got.predicate, &c.predicate); diff != "" {
		t.Errorf("predicate (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(got.head.Snaps, []*bundle.Snap{c.snaps[1], c.snaps[0]}, cmpopts.EquateEmpty(), equateBytes()); diff != "" {
		t.Errorf("snaps (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(got.head.Revisions, []*bundle.SnapRevision{c.revisions[2], c.revisions[0], c.revisions[1]}, cmpopts.EquateEmpty(), equateBytes()); diff != "" {
		t.Errorf("revisions (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(got.blobs, c.blobs, equateBytes()); diff != "" {
		t.Errorf("payload (-got +want):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	for _, f := range framings {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			packed := c.pack(t, s, f)
			got, err := receiveBytes(t, packed)
			if err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
			path := filepath.Join(t.TempDir(), "jq"+f.Extension())
			if err := os.WriteFile(path, packed, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err = receivePath(t, path); err != nil {
				t.Fatal(err)
			}
			checkReceived(t, got, c, s)
		})
	}
}

// unpack unpacks a tar into a new directory, as tar(1) would.
func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	dir := t.TempDir()
	r := tar.NewReader(bytes.NewReader(packed))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue // the first file in it makes the folder
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRoundTripOfUnpacked(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	got, err := receivePath(t, unpack(t, c.pack(t, s, bundle.None)))
	if err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
}

// writeLayout writes c as a layout into dir, over the existing files.
func (c *content) writeLayout(t *testing.T, dir string, s *bundle.SignedBundle) {
	t.Helper()
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	batch := blobs.NewBatch()
	for d, b := range c.blobs {
		st, err := blobs.Stage(int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Write(b); err != nil {
			t.Fatal(err)
		}
		batch.AddBlob(st, d)
	}
	if err := batch.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteLayout(t.Context(), dir, blobs, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// TestWriteLayout writes one bundle over another in the same directory, which must then hold the second and nothing else.
func TestWriteLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := sample(t)
	old.snaps = old.snaps[1:]
	old.revisions = old.revisions[2:]
	old.writeLayout(t, dir, old.seal(t))
	c := sample(t)
	s := c.seal(t)
	c.writeLayout(t, dir, s)
	got, err := receivePath(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	checkReceived(t, got, c, s)
	want := unpack(t, c.pack(t, s, bundle.None))
	if diff := cmp.Diff(listFiles(t, dir), listFiles(t, want)); diff != "" {
		t.Errorf("the layout's files are not those of the packed bundle (-got +want):\n%s", diff)
	}
}

func listFiles(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path[len(dir):])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	c := sample(t)
	want := c.seal(t)
	other := sample(t)
	slices.Reverse(other.snaps)
	slices.Reverse(other.revisions)
	got := other.seal(t)
	if got.Digest() != want.Digest() {
		t.Fatalf("in another order, the items have the digest %s, not %s", got.Digest(), want.Digest())
	}
	for _, f := range framings {
		if !bytes.Equal(other.pack(t, got, f), c.pack(t, want, f)) {
			t.Errorf("%s: two packs of the same content differ", f)
		}
	}
	later := c.predicate
	later.Created = later.Created.Add(time.Hour)
	s, err := c.builder(t).Seal(t.Context(), later, testKey())
	if err != nil {
		t.Fatal(err)
	}
	if s.Digest() != want.Digest() {
		t.Errorf("signed later, the same content has the digest %s, not %s", s.Digest(), want.Digest())
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 511, 512, 513, 65535*2 - 5000, 300_000} {
		c := sample(t)
		c.addSnap("jq", jqID, 11, "amd64", nil, c.blob(size, "more"))
		s := c.seal(t)
		if got, want := s.TarSize(), int64(len(c.pack(t, s, bundle.None))); got != want {
			t.Errorf("TarSize is %d, the tar has %d", got, want)
		}
		for _, f := range []bundle.Compression{bundle.Gzip, bundle.None} {
			if got, want := s.Size(f), int64(len(c.pack(t, s, f))); got != want {
				t.Errorf("%s: Size is %d, the file has %d", f, got, want)
			}
		}
		if got, atLeast := s.Size(bundle.Zstd), int64(len(c.pack(t, s, bundle.Zstd))); got < atLeast {
			t.Errorf("zstd: Size is %d, the file has %d", got, atLeast)
		}
	}
}

// TestZstdFrame checks the fixed header of the frame, also in bundles that fit into one block.
func TestZstdFrame(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 200_000} {
		c := sample(t)
		c.snaps, c.revisions, c.blobs = c.snaps[1:], nil, make(map[digest.Digest][]byte)
		c.addSnap("core24", core24ID, 1196, "amd64", nil, c.put(make([]byte, size)))
		packed := c.pack(t, c.seal(t), bundle.Zstd)
		if want := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x50}; !bytes.HasPrefix(packed, want) {
			t.Errorf("size %d: the frame begins with % x, want % x", size, packed[:6], want)
		}
		if len(packed) > 8000 {
			t.Errorf("size %d: zeros were packed into %d bytes", size, len(packed))
		}
		if _, err := receiveBytes(t, packed); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// TestNextWithoutReading skips all blobs, and calls Next again after the end.
func TestNextWithoutReading(t *testing.T) {
	t.Parallel()
	c := sample(t)
	for _, f := range framings {
		r, err := bundle.NewReader("test", bytes.NewReader(c.pack(t, c.seal(t), f)))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			if _, _, err = r.Next(); err != nil {
				break
			}
		}
		if err != io.EOF || n != len(c.blobs) {
			t.Errorf("%s: %d blobs, then %v", f, n, err)
		}
		if _, _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: after the end: %v", f, err)
		}
	}
}
