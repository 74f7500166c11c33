package blob_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// TestDiskFull fills a file system of one MiB.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	d := open(t, dir)
	if _, err := d.Stage(2 << 20); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Stage(2 MiB) = %v, want ENOSPC", err)
	}
	reserved, err := d.Stage(600 << 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stage(600 << 10); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a second Stage(600 KiB) = %v, want ENOSPC: the first has its space", err)
	}
	check(t, reserved.Discard())
	kept := commit(t, d, random(1, 600<<10))
	p, err := d.Partial("download") // does not know the size in advance
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Write(random(2, 600<<10))
	if !errors.Is(err, syscall.ENOSPC) || int64(n) != p.Size() {
		t.Errorf("Write beyond the end = %d, %v, Size() = %d, want ENOSPC", n, err, p.Size())
	}
	if err := p.Discard(); err != nil {
		t.Error(err)
	}
	if content := random(3, 300<<10); !d.Has(kept) || commit(t, d, content) != digest.FromBytes(content) {
		t.Error("the directory cannot be used after the disk was full")
	}
}
