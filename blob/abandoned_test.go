package blob_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"offlinestore/blob"
)

// TestRemoveAbandoned removes the remains of killed processes beside other files and one that is being written.
func TestRemoveAbandoned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".jq.tar.gz.offlinestore-123.partial")
	write(".other.123.partial")                   // not one of ours
	write("mine.tar.gz.offlinestore-123.partial") // not hidden
	link := ".link.offlinestore-1.partial"
	if err := os.Symlink("mine.tar.gz.offlinestore-123.partial", filepath.Join(dir, link)); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, link)); err != nil {
		write(link) // Windows lets only administrators make links, and Wine 8 makes none
		link = ""
	}
	going, err := blob.CreateFile(filepath.Join(dir, "going.tar"), 0, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	blob.RemoveAbandoned(dir)
	next, err := blob.CreateFile(filepath.Join(dir, "next.tar"), 0, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*blob.File{going, next} {
		if err := f.Commit(); err != nil {
			t.Errorf("Commit: %v", err)
		}
	}
	for name, want := range map[string]bool{".jq.tar.gz.offlinestore-123.partial": false, ".other.123.partial": true, "mine.tar.gz.offlinestore-123.partial": true,
		".link.offlinestore-1.partial": link != "", "going.tar": true, "next.tar": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 5 {
		t.Errorf("%v, %v: want at most 5 files", entries, err)
	}
}
