package importer_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFullUnderParts fills the disk while the parts of a bundle are read together. What fits is kept, and nothing is served before the
// disk has room again.
func TestDiskFullUnderParts(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	s := newSiteIn(t, disk)
	paths, before := parts(t, partBundle(t, 0).AddWholeCharm("charm", 1, 2<<20)), s.served()
	for _, after := range []int64{1, 1 << 20, 3 << 20} {
		b, _ := s.batch(paths...)
		must(t, b.Plan(t.Context()))
		junk := filepath.Join(disk, "junk")
		var read atomic.Int64
		var full sync.Once
		b.Progress = func(n int64) {
			if read.Add(n) >= after {
				full.Do(func() { fill(t, junk) })
			}
		}
		b.Run(t.Context())
		failed := 0
		for _, f := range b.Files {
			if errors.Is(f.Err, syscall.ENOSPC) {
				failed++
			} else {
				must(t, f.Err)
			}
		}
		if failed == 0 {
			t.Errorf("no file failed on a disk that was full after %d bytes", after)
		}
		s.serves(before)
		must(t, os.Remove(junk))
		must(t, s.Blobs.CleanStaging(t.Context(), s.Now()))
	}
	for _, f := range s.pushParts(paths...) {
		must(t, f.Err)
	}
	s.imported(1)
}

// fill writes a file until the disk is full.
func fill(t testing.TB, path string) {
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size >= 1<<10; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}
