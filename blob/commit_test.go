package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/blob"
)

// TestCommitFiles commits files of two folders, one of which somebody else has made meanwhile.
func TestCommitFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []*blob.File
	for _, name := range []string{"a/one", "b/two", "b/three"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := blob.MakeDir(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := blob.CreateFile(path, 0, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	taken := filepath.Join(dir, "b", "two")
	if err := os.WriteFile(taken, []byte("somebody else's"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := blob.CommitFiles(files...); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CommitFiles: %v, want an error that the file exists", err)
	}
	for name, want := range map[string]string{"a/one": "a/one", "b/two": "somebody else's"} {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "b", "three")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file after the failure: %v", err)
	}
	if err := blob.CommitFiles(); err != nil {
		t.Errorf("no files: %v", err)
	}
}
