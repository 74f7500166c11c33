//go:build linux

package main_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
)

// smallDisk returns the folder of a file system with a size in MiB.
func smallDisk(t *testing.T, mib string) string {
	t.Helper()
	dir := tempDir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+mib+"m"); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 {
			t.Fatalf("mount a tmpfs: %v", err)
		}
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file that leaves only free bytes of a disk, and returns its path. The caller removes it. Any goroutine may
// call fill.
func fill(t *testing.T, dir string, free int64) string {
	t.Helper()
	path := filepath.Join(dir, "somebody else's")
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return path
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Error(err)
	}
	if n := int64(st.Bavail)*st.Bsize - free; n > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, n); err != nil {
			t.Errorf("fill the disk: %v", err)
		}
	}
	return path
}

func (s *site) saysNoSpace(name string, r result) {
	s.t.Helper()
	if r.code != cli.NoSpace || !strings.Contains(r.stderr, "no space") || !strings.Contains(r.stderr, "hint: free space") {
		s.t.Errorf("%s: exit code %d and stderr %q, want %d, the cause and what to do", name, r.code, r.stderr, cli.NoSpace)
	}
}

// TestDiskTooSmall pushes a bundle that never fits, and checks that nothing of it is copied.
func TestDiskTooSmall(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "24")
	s := newSiteIn(t, filepath.Join(disk, "data"))
	before := s.served()
	large := s.file("large.tar", updateNumber(t, 0, 12<<20).Tar(bundle.None))
	all := s.toCopy(large)
	for _, args := range [][]string{{"push-snap", large}, {"push-snap", "--json", large}} {
		s.saysNoSpace("a bundle that is too large", s.run(args...))
		s.serves(before)
		s.isClean()
		if got := s.toCopy(large); got != all {
			t.Errorf("bytes to copy after the refusal: %d, want %d as before", got, all)
		}
	}
	s.mustRun("push-snap", s.file("good.tar", update(t).Tar(bundle.None)))
	s.servesUpdate()
}

// TestDiskFull fills the disk after the push has found enough room and begun.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "64")
	s := newSiteIn(t, filepath.Join(disk, "data"))
	fills := 4
	if testing.Short() {
		fills = 2
	}
	for number := range fills {
		before := s.served()
		packed := updateNumber(t, number, 1<<20).Tar(bundle.None)
		at := len(packed) * (number + 1) / 6 // in another of the four blobs each time
		got, junk := s.fillMeanwhile(disk, packed, at)
		s.saysNoSpace("a disk that fills up", got)
		s.serves(before)
		s.isClean()
		if err := os.Remove(junk); err != nil {
			t.Fatal(err)
		}
		s.mustRun("push-snap", s.file("good.tar", packed))
		s.servesUpdateNumber(number)
		s.isClean()
	}
}

// TestDiskFullUnderTheDatabase puts the private PostgreSQL on the disk that becomes full.
func TestDiskFullUnderTheDatabase(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes a cluster of PostgreSQL on a disk of its own; CI runs it")
	}
	newSite(t) // skips the test without PostgreSQL
	disk := smallDisk(t, "160")
	s := &site{t: t, dir: filepath.Join(disk, "data"), tmp: tempDir(t)}
	s.trust()
	s.mustRun("push-snap", s.file("base.tar", base(t).Tar(bundle.None)))
	before := s.mustRun("list-pushed-snaps").stdout
	path := s.file("good.tar", update(t).Tar(bundle.None))
	for _, free := range []int64{0, 40 << 10, 200 << 10} {
		junk := fill(t, disk, free)
		r := s.run("push-snap", path)
		if r.code != cli.NoSpace && r.code != cli.Database {
			t.Errorf("with %d bytes free: exit code %d, want %d or %d: %s", free, r.code, cli.NoSpace, cli.Database, r.stderr)
		}
		if !strings.Contains(strings.ToLower(r.stderr), "no space") || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("with %d bytes free: stderr %q does not say that there is no space, and what to do", free, r.stderr)
		}
		if err := os.Remove(junk); err != nil {
			t.Fatal(err)
		}
		if now := s.mustRun("list-pushed-snaps").stdout; now != before {
			t.Errorf("list-pushed-snaps printed %q, want %q as before", now, before)
		}
	}
	s.mustRun("push-snap", path)
	s.mustRun("check", "--blobs")

	// PostgreSQL runs out of space after the blobs are in their places.
	b := bundletest.New(t, 30).Add("aaa", 1, 500_000)
	text := make([]byte, 500_000)
	rand.NewChaCha8([32]byte{}).Read(text)
	b.Snaps[0].Snap.Description = hex.EncodeToString(text)
	packed := b.Tar(bundle.None)
	before = s.mustRun("list-pushed-snaps").stdout
	r, junk := s.fillMeanwhile(disk, packed, len(packed)-200_000)
	s.saysNoSpace("a disk that fills up under a PostgreSQL that runs", r)
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	if now := s.mustRun("list-pushed-snaps").stdout; now != before {
		t.Errorf("list-pushed-snaps printed %q, want %q as before", now, before)
	}
	s.mustRun("push-snap", s.file("good.tar", packed))
}

// fillMeanwhile pushes a bundle through a pipe, and fills the disk when the push has read up to an offset.
func (s *site) fillMeanwhile(disk string, packed []byte, at int) (got result, junk string) {
	s.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	filled := make(chan string, 1)
	go func() {
		defer w.Close()
		w.Write(packed[:at])
		filled <- fill(s.t, disk, 64<<10)
		w.Write(packed[at:])
	}()
	got = s.runWith(r, "push-snap", "-")
	return got, <-filled
}

// TestInitdbOnNearlyFullDisk makes the private cluster on a disk that has not enough room for it.
func TestInitdbOnNearlyFullDisk(t *testing.T) {
	t.Parallel()
	newSite(t) // skips the test without PostgreSQL
	disk := smallDisk(t, "128")
	s := &site{t: t, dir: filepath.Join(disk, "data"), tmp: tempDir(t)}
	s.trust()
	path := s.file("base.tar", base(t).Tar(bundle.None))
	for i, free := range []int64{20 << 20, 100 << 10, 5 << 20, 30 << 20} {
		if testing.Short() && i > 0 {
			break
		}
		junk := fill(t, disk, free)
		r := s.run("push-snap", path)
		if r.code != cli.NoSpace || !strings.Contains(strings.ToLower(r.stderr), "no space") || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("with %d bytes free: exit code %d, want %d, the cause and what to do: %s", free, r.code, cli.NoSpace, r.stderr)
		}
		if left, err := filepath.Glob(filepath.Join(s.dir, "postgresql", "data*")); err != nil || len(left) > 0 {
			t.Errorf("with %d bytes free: %v is left", free, left)
		}
		if err := os.Remove(junk); err != nil {
			t.Fatal(err)
		}
	}
	s.mustRun("push-snap", path)
}
