//go:build linux

package main_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/backup"
	"offlinestore/internal/killtest"
)

// saved returns a store with a full backup, and a host to restore it on.
func saved(t *testing.T) *backups {
	t.Helper()
	b := &backups{site: newSite(t)}
	b.key = b.file("key", []byte(backupKey+"\n"))
	b.out, b.into = filepath.Join(b.tmp, "out"), filepath.Join(tempDir(t), "data")
	b.save("--blobs")
	found, err := filepath.Glob(filepath.Join(b.out, "*"+backup.Ext))
	if err != nil || len(found) != 1 {
		t.Fatalf("backups: %v, %v; want one", found, err)
	}
	b.good = found[0]
	return b
}

// TestKillRestore kills a restore while its private cluster runs. It checks that no command treats the remains as a store,
// and that the next restore ignores the PostgreSQL that was left behind.
func TestKillRestore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes a cluster of PostgreSQL twice; CI runs it")
	}
	b := saved(t)
	there := func(names ...string) bool {
		_, err := os.Lstat(filepath.Join(append([]string{b.into}, names...)...))
		return !errors.Is(err, fs.ErrNotExist)
	}
	cmd := b.command(t.Context(), "--data-dir", b.into, "restore", "--identity", b.key, "--private", b.good)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !there("postgresql", "data", "postmaster.pid") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if cmd.Wait() == nil {
		t.Fatal("the restore was not killed")
	}
	if r := b.run("--data-dir", b.into, "list-pushed-snaps"); r.code != cli.Failed || !strings.Contains(r.stderr, "a restore was interrupted here") {
		t.Errorf("list-pushed-snaps on half a store: exit code %d: %s", r.code, r.stderr)
	}
	if r := b.restore(b.good, "--private"); r.code != cli.OK {
		t.Fatalf("the next restore: exit code %d: %s", r.code, r.stderr)
	}
	want := b.mustRun("list-pushed-snaps", "--json").stdout
	if got := b.mustRun("--data-dir", b.into, "list-pushed-snaps", "--json").stdout; got != want {
		t.Errorf("restored are %s, want %s", got, want)
	}
	b.mustRun("--data-dir", b.into, "check", "--blobs")
	if there(".restoring") || there("postgresql", "data", "postmaster.pid") {
		t.Error("something of the restore is left")
	}
}

// TestKillBackup checks that a backup removes the files of killed backups, and keeps the file of a backup that is running.
func TestKillBackup(t *testing.T) {
	t.Parallel()
	b := saved(t)
	old, going, other := filepath.Join(b.out, ".a.age.offlinestore-123.partial"), filepath.Join(b.out, ".b.age.offlinestore-456.partial"), filepath.Join(b.out, "mine.age.123.partial")
	for _, path := range []string{old, going, other} {
		b.write(path, []byte("half"))
	}
	running, err := os.Open(going)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if err := syscall.Flock(int(running.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for n, left := 0, []string(nil); len(left) == 0; n++ {
		cmd := b.command(t.Context(), "backup", "--recipient", backupRecipient, "--blobs", filepath.Join(b.out, "killed.age"))
		if !killtest.AtRename(t, cmd, n) {
			t.Fatal("no killed backup left a file")
		}
		left, _ = filepath.Glob(filepath.Join(b.out, ".killed.age.*.partial"))
	}
	b.mustRun("backup", "--recipient", backupRecipient, filepath.Join(b.out, "next.age"))
	if left, err := filepath.Glob(filepath.Join(b.out, ".killed.age.*.partial")); err != nil || len(left) != 0 {
		t.Errorf("the next backup left %v, %v", left, err)
	}
	for path, want := range map[string]bool{old: false, going: true, other: true, b.good: true} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
}
