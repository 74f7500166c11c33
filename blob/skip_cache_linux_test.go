package blob_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"offlinestore/blob"
)

// inMemory returns the number of bytes of a file that the page cache holds.
func inMemory(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	pages := make([]byte, (len(mapped)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Skip(errno)
	}
	for _, p := range pages {
		n += int(p&1) * os.Getpagesize()
	}
	return n
}

// TestSkipCache writes a large blob, whose content must not stay in memory.
func TestSkipCache(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Type != unix.EXT4_SUPER_MAGIC && fs.Type != unix.XFS_SUPER_MAGIC {
		t.Skip("the folder is on no ordinary disk")
	}
	content := random(1, 72<<20+5)
	d := open(t, dir)
	s, err := d.Stage(int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	s.SkipCache()
	if _, err := s.ReadFrom(bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if n := inMemory(t, stagedFile(t, dir)); n > 48<<20 {
		t.Errorf("%d MiB of %d are in memory before the commit", n>>20, len(content)>>20)
	}
	dg := digest.FromBytes(content)
	if err := s.Commit(dg); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(pathOf(t, d, dg))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("other content: %v", err)
	}
}

func pathOf(t *testing.T, d *blob.Dir, dg blob.Digest) string {
	t.Helper()
	path, err := d.Path(dg)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// stagedFile returns the only large file below dir.
func stagedFile(t *testing.T, dir string) (path string) {
	t.Helper()
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 1<<20 {
			path = name
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatalf("no staged file: %v", err)
	}
	return path
}
