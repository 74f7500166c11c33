package blob_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"offlinestore/blob"
)

// TestMedium drops a file that was just written, and still is in the page cache.
func TestMedium(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"a disk": t.TempDir(), "memory": "/dev/shm"} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		inMemory := st.Type == unix.TMPFS_MAGIC
		path := filepath.Join(dir, "medium-"+filepath.Base(t.TempDir()))
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20+5), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(path) })
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var m blob.Medium
		if err := m.Drop(f); err != nil {
			t.Fatal(err)
		}
		want := blob.Medium{Files: 1, Bytes: 1<<20 + 5}
		if inMemory {
			want.Cached = want.Bytes
		}
		if m != want {
			t.Errorf("%s: %+v, want %+v", name, m, want)
		}
	}
}
