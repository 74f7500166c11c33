package blob_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// TestAdopt takes over blobs of another folder: as second names where that is possible, and as copies elsewhere.
func TestAdopt(t *testing.T) {
	t.Parallel()
	from, to, elsewhere := open(t, t.TempDir()), open(t, t.TempDir()), open(t, t.TempDir())
	content := bytes.Repeat([]byte("snap"), 100_000)
	dg := commit(t, from, content)
	linked := to.Storage()
	copied := to.StorageIn(blob.Places{Backend: elsewhere.Backend()})
	for range 2 { // the second time, it is there already
		check(t, linked.Adopt(t.Context(), from, dg))
		check(t, copied.Adopt(t.Context(), from, dg))
	}
	if a, b := stat(t, from, dg), stat(t, to, dg); !os.SameFile(a, b) {
		t.Error("the adopted blob is another file")
	}
	if os.SameFile(stat(t, from, dg), stat(t, elsewhere, dg)) {
		t.Error("the blob in another backend is the same file")
	}
	r, _, err := copied.Open(t.Context(), dg)
	check(t, err)
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the copy has %d bytes, %v", len(got), err)
	}
	check(t, os.WriteFile(path(t, from, dg), bytes.Repeat([]byte("SNAP"), 100_000), 0o600))
	check(t, elsewhere.Remove(dg))
	if err := copied.Adopt(t.Context(), from, dg); err == nil || elsewhere.Has(dg) {
		t.Errorf("Adopt() of a damaged blob = %v, and it is here: %v", err, elsewhere.Has(dg))
	}
	if err := copied.Adopt(t.Context(), from, digest.FromString("nothing")); err == nil {
		t.Error("Adopt() of an absent blob = nil")
	}
}

func stat(t *testing.T, d *blob.Dir, dg blob.Digest) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path(t, d, dg))
	check(t, err)
	return info
}
