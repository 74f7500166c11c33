//go:build unix

package pgcluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"offlinestore/instance/pgcluster"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for name, sub := range map[string]string{
		"plain":    "pg",
		"spaces":   "my store/the 'data' base+plus%20/pg",
		"comma":    "a,b/pg",
		"long":     strings.Repeat("long/", 40) + "pg",
		"new tree": "some/where/new",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "long" {
				t.Skip("starts a cluster of its own")
			}
			dir := filepath.Join(tempDir(t), sub)
			c := start(t, dir)
			if _, want, _ := pgcluster.Find(); c.Version() != want {
				t.Errorf("Version = %d, want %d", c.Version(), want)
			}
			run(t, c, `CREATE ROLE "the server" LOGIN`)
			run(t, c, `CREATE DATABASE "off/line store"`)
			conn, err := pgx.Connect(t.Context(), c.DSN("off/line store", "the server"))
			if err != nil {
				t.Fatalf("connect as another role: %v", err)
			}
			defer conn.Close(t.Context())
			for query, want := range map[string]string{
				"SELECT current_user":     "the server",
				"SHOW fsync":              "on",
				"SHOW synchronous_commit": "on",
				"SHOW data_checksums":     "on",
				"SHOW listen_addresses":   "",
				"SHOW jit":                "off",
				"SHOW shared_buffers":     "32MB",
				"SHOW server_encoding":    "UTF8",
				"SELECT datcollate FROM pg_database WHERE datname='postgres'": "C",
				"SELECT current_database()":                                   "off/line store",
			} {
				var got string
				if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil {
					t.Errorf("%s: %v", query, err)
				} else if got != want {
					t.Errorf("%s = %q, want %q", query, got, want)
				}
			}
			conn.Close(t.Context())
			if err := c.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			if n := processesIn(t, dir); n != 0 {
				t.Errorf("%d processes are left after Close", n)
			}
		})
	}
}

func TestFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	start(t, dir)
	for _, name := range []string{".", "run", "data", "log"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("mode of %s = %o, want 700", name, got)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
			t.Errorf("%s belongs to root", name)
		}
	}
}

func TestDataOutlivesClose(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	run(t, c, `CREATE TABLE kept ()`)
	first := mustIdentify(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	c = start(t, dir)
	run(t, c, `DROP TABLE kept`)
	if second := mustIdentify(t, c); second.System != first.System || second.Started == first.Started {
		t.Errorf("after a restart the cluster is %v, before it %v; want the same system, started anew", second, first)
	}
}

func TestLastOutStops(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	other := startProcess(t, dir)
	if got, want := other.ready(t), mustIdentify(t, c); got != want {
		t.Errorf("the other process uses cluster %v, want %v", got, want)
	}
	inThis := start(t, dir)
	if err := inThis.Close(); err != nil {
		t.Fatal(err)
	}
	other.end(t)
	mustIdentify(t, c)
	other = startProcess(t, dir)
	want := other.ready(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := processesIn(t, dir); n == 0 {
		t.Fatal("the cluster was stopped while another process uses it")
	}
	c = start(t, dir)
	if got := mustIdentify(t, c); got != want {
		t.Errorf("the cluster is %v, want %v", got, want)
	}
	c.Close()
	other.end(t)
	if n := processesIn(t, dir); n != 0 {
		t.Errorf("%d processes are left after the last one closed", n)
	}
}

func TestAdoptAfterKill(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	other := startProcess(t, dir)
	want := other.ready(t)
	other.cmd.Process.Kill()
	other.cmd.Wait()
	if got := mustIdentify(t, start(t, dir)); got != want {
		t.Errorf("the cluster is %v, want the one left running, %v", got, want)
	}
}

func TestPostmasterKilled(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	run(t, c, `CREATE TABLE kept ()`)
	if err := syscall.Kill(postmasterPid(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// c keeps the cluster in use, as a server would: the same connection string must work again.
	again := start(t, dir)
	run(t, again, `DROP TABLE kept`)
	mustIdentify(t, c)
}

func TestStalePid(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"somebody else's": "1\n/var/empty\n1700000000\n5432\n../run\n\n  9995185         4\nready   \n",
		"empty":           "",
		"garbage":         "-\x00\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := existing(t)
			// PostgreSQL ignores processes of root, and counts the processes of its own user.
			if os.Geteuid() != 0 {
				text = strings.Replace(text, "1\n", strconv.Itoa(os.Getpid())+"\n", 1)
			}
			if err := os.WriteFile(filepath.Join(dir, "data/postmaster.pid"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "run/.s.PGSQL.5432.lock"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			start(t, dir)
		})
	}
}

func TestConcurrentFirstStart(t *testing.T) {
	t.Parallel()
	needPostgreSQL(t)
	dir := filepath.Join(tempDir(t), "pg")
	var others [4]*process
	for i := range others {
		others[i] = startProcess(t, dir)
	}
	want := others[0].ready(t)
	for _, p := range others[1:] {
		if got := p.ready(t); got != want {
			t.Errorf("a process uses cluster %v, another %v", got, want)
		}
	}
	var wg sync.WaitGroup
	for _, p := range others {
		wg.Go(func() { p.end(t) })
	}
	wg.Wait()
	if n := processesIn(t, dir); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "data?*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestOwnSession(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	start(t, dir)
	ours, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := unix.Getsid(postmasterPid(t, dir)); err != nil || theirs == ours {
		t.Errorf("session of PostgreSQL = %d, %v; ours is %d", theirs, err, ours)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	needPostgreSQL(t)
	dir := filepath.Join(tempDir(t), "pg")
	// The times fall into initdb and into the start of PostgreSQL after it.
	times := []time.Duration{0, 50, 300, 600, 900, 1000, 1100}
	for after := time.Duration(10); after < 80 && !testing.Short(); after += 3 { // into the start alone, once the cluster is made
		times = append(times, after)
	}
	for _, after := range times {
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		c, err := pgcluster.Start(ctx, pgcluster.Options{Dir: dir})
		cancel()
		if err == nil {
			c.Close()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Start with %v of time: %v, want it to say that the time is over", after*time.Millisecond, err)
		}
		if n := processesIn(t, dir); n != 0 {
			t.Errorf("%d processes are left after a start with %v of time", n, after*time.Millisecond)
		}
	}
	mustIdentify(t, start(t, dir))
}
