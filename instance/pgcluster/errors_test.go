//go:build unix

package pgcluster_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/instance/pgcluster"
)

// startFails checks that Start fails, with all of the given words in its error, and leaves nothing running.
func startFails(t *testing.T, dir string, words ...string) error {
	t.Helper()
	needPostgreSQL(t)
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Dir: dir})
	if err == nil {
		c.Close()
		t.Fatal("Start succeeded")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Start: %v, want it to say %q", err, w)
		}
	}
	if n := processesIn(t, dir); n != 0 {
		t.Errorf("%d processes are left after a start that failed", n)
	}
	return err
}

func TestOtherVersion(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	_, want, err := pgcluster.Find()
	if err != nil {
		t.Fatal(err)
	}
	for text, have := range map[string]int{"12\n": 12, "99\n": 99} {
		if err := os.WriteFile(filepath.Join(dir, "data/PG_VERSION"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := startFails(t, dir)
		var wrong *pgcluster.VersionError
		if !errors.As(err, &wrong) {
			t.Fatalf("Start with a cluster of version %d: %v, want a VersionError", have, err)
		}
		if wrong.Have != have || wrong.Want != want {
			t.Errorf("VersionError has %d and wants %d, want %d and %d", wrong.Have, wrong.Want, have, want)
		}
		// There is no way back from a newer version, except to install it.
		if got := strings.Contains(err.Error(), "bin/pg_upgrade "); got != (have < want) {
			t.Errorf("an upgrade is offered: %v, want %v: %v", got, have < want, err)
		}
	}
	for _, text := range []string{"", "fifteen\n", "-1"} {
		if err := os.WriteFile(filepath.Join(dir, "data/PG_VERSION"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		startFails(t, dir, "PG_VERSION")
	}
	// A data directory without a version is damaged, and must not be used for a new cluster.
	if err := os.Remove(filepath.Join(dir, "data/PG_VERSION")); err != nil {
		t.Fatal(err)
	}
	startFails(t, dir, "PG_VERSION")
}

func TestBadFolder(t *testing.T) {
	t.Parallel()
	startFails(t, "", "no folder")

	dir := tempDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	startFails(t, filepath.Join(file, "pg"), "not a directory")
	startFails(t, file, "not a directory")

	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	// Root may write to it, but PostgreSQL, which isn't root, may not even enter it.
	startFails(t, filepath.Join(closed, "pg"), "permission denied", closed)

	if os.Geteuid() == 0 {
		// A wrong folder must not be given away.
		startFails(t, dir, "belongs to root", "isn't empty")
	} else {
		startFails(t, "/", "belongs to user root")
	}
}

func TestOpenSocketFolder(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	sockets := filepath.Join(dir, "run")
	if err := os.Chmod(sockets, 0o755); err != nil {
		t.Fatal(err)
	}
	startFails(t, dir, sockets, "chmod 0700")
	if err := os.Remove(sockets); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/tmp", sockets); err != nil {
		t.Fatal(err)
	}
	startFails(t, dir, "run")
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	local := filepath.Join(dir, "local.conf")
	if err := os.WriteFile(local, []byte("no_such_setting = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	startFails(t, dir, "no_such_setting")

	if err := os.WriteFile(local, []byte("work_mem = 7MB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	run(t, c, `DO $$ BEGIN ASSERT current_setting('work_mem') = '7MB'; END $$`)
}
