//go:build linux

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/killtest"
	"offlinestore/internal/pgtest"
)

// TestKillRestoreAtEachRename kills `restore --force` before each change of a name. No command takes the remains for a store: each says
// that a restore was interrupted, or has the whole old store, or the whole restored one. Nothing of the old store is lost, and the next
// restore completes the work.
func TestKillRestoreAtEachRename(t *testing.T) {
	t.Parallel()
	b := saved(t)
	old := &site{t: t, dir: filepath.Join(tempDir(t), "data"), dsn: b.dsn, tmp: b.tmp}
	old.useDatabase(pgtest.NewFrom(t, migrated))
	old.trust()
	old.mustRun("push-snap", old.file("old.tar", updateNumber(t, 3, 500).Tar(bundle.None)))
	want := b.mustRun("list-pushed-snaps", "--json").stdout
	before := old.mustRun("list-pushed-snaps", "--json").stdout
	states := map[string]int{}
	for n := 0; ; n++ {
		if testing.Short() && n%32 != 1 && n > 3 {
			continue
		}
		into := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: b.tmp}
		if out, err := exec.Command("cp", "-a", old.dir, into.dir).CombinedOutput(); err != nil {
			t.Fatalf("copy the store: %v: %s", err, out)
		}
		to := b.file("connection", []byte(pgtest.New(t)))
		killed := killtest.AtRename(t, into.command(t.Context(), "restore", "--identity", b.key, "--force", "--db-connection-file", to, b.good), n)
		r := into.run("list-pushed-snaps", "--json")
		switch {
		case r.code == cli.OK && r.stdout == before:
			states["old"]++
		case r.code == cli.OK && r.stdout == want:
			states["restored"]++
		case r.code == cli.Failed && strings.Contains(r.stderr, "a restore was interrupted here"):
			states["interrupted"]++
			into.refusesHalf()
		default:
			t.Errorf("killed at change %d: exit code %d: %s%s", n, r.code, r.stdout, r.stderr)
		}
		if !killed {
			if r.stdout != want {
				t.Errorf("the restore that was not killed left %s, want %s", r.stdout, want)
			}
			break
		}
		again := b.file("connection", []byte(pgtest.New(t)))
		into.mustRun("restore", "--identity", b.key, "--force", "--db-connection-file", again, b.good)
		if got := into.mustRun("list-pushed-snaps", "--json").stdout; got != want {
			t.Errorf("killed at change %d, and restored: %s, want %s", n, got, want)
		}
		into.keeps(old, n)
	}
	t.Logf("states after the kills: %v", states)
	if states["interrupted"] < 3 || states["restored"] == 0 {
		t.Errorf("states after the kills: %v, want interrupted ones and the restored one", states)
	}
}

// refusesHalf checks that nothing takes the folder of an interrupted restore for a store.
func (s *site) refusesHalf() {
	s.t.Helper()
	for _, line := range []string{"status", "config", "config proxy.domain=a.example", "trust list", "serve --listen 127.0.0.1:0", "gc", "history"} {
		if r := s.run(strings.Fields(line)...); r.code != cli.Failed || !strings.Contains(r.stderr, "a restore was interrupted here") {
			s.t.Errorf("%s on half a store: exit code %d: %s%s", line, r.code, r.stdout, r.stderr)
		}
	}
}

// keeps checks that the files of an old store are all in one of the folders that they were put aside to.
func (s *site) keeps(old *site, n int) {
	s.t.Helper()
	for _, name := range []string{"settings.yaml", "trust"} {
		found, err := filepath.Glob(filepath.Join(s.dir, "before-restore-*", name))
		if err != nil || len(found) == 0 {
			s.t.Errorf("killed at change %d: %s of the old store is gone", n, name)
		}
	}
	text, err := os.ReadFile(filepath.Join(old.dir, "settings.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(s.dir, "before-restore-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, dir := range folders {
		got, err := os.ReadFile(filepath.Join(dir, "settings.yaml"))
		_, terr := os.Lstat(filepath.Join(dir, "trust"))
		if err == nil && terr == nil && string(got) == string(text) {
			return
		}
	}
	s.t.Errorf("killed at change %d: the old store is in parts: %v", n, folders)
}

// TestKillChangesAtEachRename kills commands that change several files before each change of a name. The store stays usable, and the same
// command completes the work.
func TestKillChangesAtEachRename(t *testing.T) {
	t.Parallel()
	first := newUnregistered(t)
	first.must("config", "--import-store-assertion", first.file("old.assert", first.stream("store1", "https://old.example.internal")))
	first.must("config", "proxy.domain=new.example.internal")
	second := first.file("new.assert", first.stream("store2", "https://new.example.internal"))
	for _, line := range []string{
		"reregister --store-assertion " + second,
		"config proxy.port.http=8080 proxy.port.https=8443",
		"trust root add " + first.file("other.assert", assertiontest.NewStack(t).RootStream()),
		"import-certificate --selfsigned --name new.example.internal",
	} {
		t.Run(strings.Fields(line)[0], func(t *testing.T) {
			t.Parallel()
			copyOf := func() *unregisteredStore {
				u := &unregisteredStore{t, tempDir(t), first.stack}
				if out, err := exec.Command("cp", "-a", filepath.Join(first.dir, "data"), u.dir).CombinedOutput(); err != nil {
					t.Fatalf("copy the store: %v: %s", err, out)
				}
				return u
			}
			whole := copyOf()
			whole.must(strings.Fields(line)...)
			for n, killed := 0, true; killed; n++ {
				u := copyOf()
				args := append([]string{"--data-dir", filepath.Join(u.dir, "data")}, strings.Fields(line)...)
				killed = killtest.AtRename(t, exec.Command("snap-store-proxy", args...), n)
				u.must("config")
				u.must("trust", "root", "list")
				u.must(strings.Fields(line)...)
				if got, want := u.state(), whole.state(); got != want && !strings.Contains(line, "certificate") {
					t.Errorf("%s, killed at change %d and run again: %s, want %s", line, n, got, want)
				}
				if left, _ := filepath.Glob(filepath.Join(u.dir, "data", "*.partial")); len(left) > 0 {
					t.Errorf("%s: %v is left", line, left)
				}
			}
		})
	}
}

// TestHeldBlobsAreSynced pushes a bundle whose blobs are in their places already, as a killed push leaves them. Their names may not be on
// the disk yet, so the push syncs the folder before it commits.
func TestHeldBlobsAreSynced(t *testing.T) {
	t.Parallel()
	first, second := newSite(t), newSite(t)
	path := first.file("update.tar", update(t).Tar(bundle.None))
	first.mustRun("push-snap", path)
	blobs := filepath.Join(second.dir, "blobs", "sha256")
	if out, err := exec.Command("cp", "-a", filepath.Join(first.dir, "blobs", "sha256")+"/.", blobs).CombinedOutput(); err != nil {
		t.Fatalf("copy the blobs: %v: %s", err, out)
	}
	cmd := second.command(t.Context(), "push-snap", path)
	synced := killtest.SyncedFiles(t, cmd)
	second.servesUpdate()
	if !synced[blobs] {
		t.Errorf("synced: %v, want %s, too", synced, blobs)
	}
}
