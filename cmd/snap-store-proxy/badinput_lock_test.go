//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// TestPushWaitsForGC pushes while gc has the lock. The push waits a moment and tells so; gc waits for a push, too.
func TestPushWaitsForGC(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	db, err := catalog.Open(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct {
		exclusive bool
		args      []string
	}{{true, []string{"push-snap", s.file("update.tar", update(t).Tar(bundle.None))}}, {false, []string{"gc"}}} {
		release, err := db.Lock(t.Context(), c.exclusive)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*time.Second, release)
		if r := s.run(c.args...); r.code != cli.OK || !strings.Contains(r.stderr, "Another command is changing the store: waiting") {
			t.Errorf("%v: exit code %d: %s", c.args, r.code, r.stderr)
		}
	}
	s.servesUpdate()
}

// TestStagingThatStays takes the right to remove staged files from a push. The push has committed its bundle, and its remains are
// garbage.
func TestStagingThatStays(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs another user's right on a folder")
	}
	s := newSite(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	packed := update(t).Tar(bundle.None)
	staging := filepath.Join(s.dir, "blobs", ".staging")
	go func() {
		defer w.Close()
		w.Write(packed[:len(packed)-1500])
		for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
			if found, _ := filepath.Glob(filepath.Join(staging, "*", "*")); len(found) > 0 {
				break
			}
		}
		if err := os.Chmod(staging, 0o555); err != nil {
			t.Error(err)
		}
		w.Write(packed[len(packed)-1500:])
	}()
	got := s.runWith(r, "push-snap", "-")
	if got.code != cli.OK || !strings.Contains(got.stderr, "Staged files were not removed") {
		t.Errorf("exit code %d, want 0 with a warning: %s", got.code, got.stderr)
	}
	s.servesUpdate()
	if err := os.Chmod(staging, 0o755); err != nil {
		t.Fatal(err)
	}
	s.mustRun("gc")
	s.isClean()
}

// TestStatusOfReadOnlyFolder shows a store whose disk was mounted read-only, as a kernel does after an error.
func TestStatusOfReadOnlyFolder(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "160")
	for _, private := range []bool{false, true} {
		s := newSiteIn(t, filepath.Join(disk, "data"))
		if private {
			if testing.Short() {
				break
			}
			s.mustRun("config", "proxy.db.connection=")
			s.mustRun("push-snap", s.file("base.tar", base(t).Tar(bundle.None)))
		}
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skipf("mount a disk read-only: %v", err)
		}
		r := s.run("status")
		want := cli.OK
		if private {
			want = cli.Database // PostgreSQL cannot start
		}
		if r.code != want || !strings.Contains(r.stdout, "Store URL:") || !strings.Contains(r.stdout, "Trusted signers: 1") || !strings.Contains(r.stdout, "Warning: ") ||
			!strings.Contains(r.stdout, "read-only") {
			t.Errorf("private %v: exit code %d: %s%s", private, r.code, r.stdout, r.stderr)
		}
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT, "size=160m"); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(s.dir); err != nil {
			t.Fatal(err)
		}
	}
}
