package blob_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/blob"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	for _, content := range []string{"the old content", "new"} {
		check(t, blob.WriteFile(name, []byte(content), blob.WriteOptions{Mode: 0o640}))
		if got, err := os.ReadFile(name); string(got) != content || err != nil {
			t.Errorf("%q, %v, want %q", got, err, content)
		}
	}
	if err := blob.WriteFile(name, []byte("x"), blob.WriteOptions{Mode: 0o640, NoReplace: true}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteFile over a file: %v, want fs.ErrExist", err)
	}
	if got, err := os.ReadFile(name); string(got) != "new" || err != nil {
		t.Errorf("%q, %v, want new", got, err)
	}
	checkFiles(t, dir, "file")
}

func TestCreateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	f, err := blob.CreateFile(name, 100, 0o644)
	check(t, err)
	for range 10 {
		_, err := f.Write(random(1, 1<<20))
		check(t, err)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("visible before Commit: %v", err)
	}
	check(t, f.Commit())
	if fi, err := os.Stat(name); err != nil || fi.Size() != 10<<20 || f.Size() != 10<<20 {
		t.Errorf("%v, %v, want %d bytes", fi, err, 10<<20)
	}
	check(t, f.Discard())
	if err := f.Commit(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a second Commit: %v, want ErrClosed", err)
	}
	if _, err := blob.CreateFile(name, 0, 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateFile over a file: %v, want fs.ErrExist", err)
	}
	var noSpace *blob.NoSpaceError
	if _, err := blob.CreateFile(filepath.Join(dir, "huge"), 1<<60, 0o644); !errors.As(err, &noSpace) {
		t.Errorf("CreateFile of 1 EiB: %v, want a NoSpaceError", err)
	}
	g, err := blob.CreateFile(filepath.Join(dir, "less"), 1<<20, 0o644)
	check(t, err)
	_, err = g.Write([]byte("less"))
	check(t, err)
	check(t, g.Commit())
	if fi, err := os.Stat(filepath.Join(dir, "less")); err != nil || fi.Size() != 4 {
		t.Errorf("%v, %v, want 4 bytes: what was preallocated for nothing goes", fi, err)
	}
	checkFiles(t, dir, "file", "less")
}

// TestFileNameTaken keeps a complete file, and gives its place, if another file has its name by then. The next file of the same run leaves
// it there.
func TestFileNameTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "bundle.tar")
	f, err := blob.CreateFile(name, 0, 0o644)
	check(t, err)
	_, err = f.Write([]byte("complete"))
	check(t, err)
	check(t, os.WriteFile(name, []byte("another"), 0o600))
	err = f.Commit()
	var left *blob.UnnamedError
	if !errors.As(err, &left) || !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), left.Left) {
		t.Fatalf("Commit with a name that is taken = %v, want an *UnnamedError of fs.ErrExist", err)
	}
	next, err := blob.CreateFile(filepath.Join(dir, "next.tar"), 0, 0o644)
	check(t, err)
	check(t, next.Commit())
	for path, want := range map[string]string{left.Left: "complete", name: "another"} {
		if text, err := os.ReadFile(path); string(text) != want {
			t.Errorf("%s has %q, %v, want %q", path, text, err, want)
		}
	}
}

// TestLongName writes files with the longest names that file systems have.
func TestLongName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, letter := range []string{"a", "ä", "\U0001F600"} {
		name := strings.Repeat(letter, 255/len(letter))
		check(t, blob.WriteFile(filepath.Join(dir, name), nil, blob.WriteOptions{Mode: 0o644}))
		f, err := blob.CreateFile(filepath.Join(dir, "x"+name[len(letter):]), 0, 0o644)
		check(t, err)
		check(t, f.Commit())
	}
	if entries, err := os.ReadDir(dir); len(entries) != 6 {
		t.Errorf("%d files, %v, want 6", len(entries), err)
	}
}

// TestLimitOf knows FAT32 by the names that Windows and macOS have for it.
func TestLimitOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int64{"FAT32": math.MaxUint32, "FAT": math.MaxUint32, "msdos": math.MaxUint32,
		"exFAT": math.MaxInt64, "exfat": math.MaxInt64, "NTFS": math.MaxInt64, "apfs": math.MaxInt64, "": math.MaxInt64} {
		if got, _ := blob.LimitOf(name); got != want {
			t.Errorf("LimitOf(%q) = %d, want %d", name, got, want)
		}
	}
	if err := blob.CheckFileSize(t.TempDir(), "jq.tar.gz", math.MaxUint32+1); err != nil {
		t.Errorf("on the disk of tests: %v", err)
	}
}
