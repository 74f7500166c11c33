//go:build unix

package pgcluster_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/instance/pgcluster"
)

// syncBuffer is a buffer that a log and a test share.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// supervise supervises c until the returned function is called.
func supervise(t *testing.T, c *pgcluster.Cluster) (log *syncBuffer, stop func()) {
	t.Helper()
	log = new(syncBuffer)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { c.Supervise(ctx, slog.New(slog.NewTextHandler(log, nil))) })
	return log, func() { cancel(); wg.Wait() }
}

// awaitAnswer waits until the cluster answers.
func awaitAnswer(t *testing.T, c *pgcluster.Cluster, within time.Duration) {
	t.Helper()
	began := time.Now()
	for {
		conn, err := pgx.Connect(t.Context(), c.DSN("postgres", pgcluster.Superuser))
		if err == nil {
			conn.Close(t.Context())
			return
		}
		if time.Since(began) > within {
			t.Fatalf("PostgreSQL does not answer after %v: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestSupervise kills PostgreSQL in two ways. It is running again within seconds, and each time is counted and logged.
func TestSupervise(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	log, stop := supervise(t, c)
	defer stop()
	run(t, c, `CREATE TABLE kept ()`)
	for i, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT} {
		was := mustIdentify(t, c)
		if err := syscall.Kill(postmasterPid(t, dir), how); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); strings.Count(log.String(), "runs again") <= i; time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("after %v PostgreSQL does not run: %s", how, log)
			}
		}
		awaitAnswer(t, c, time.Second)
		if now := mustIdentify(t, c); now.System != was.System || now.Started == was.Started {
			t.Errorf("after %v the cluster is %v, before it %v; want the same system, started anew", how, now, was)
		}
	}
	run(t, c, `DROP TABLE kept`)
	if n := strings.Count(log.String(), "PostgreSQL ended"); n == 0 {
		t.Errorf("the log does not mention the end: %s", log)
	}
	if r, err := c.Restarts(); err != nil || r.Count != 2 || time.Since(r.Last) > time.Minute {
		t.Errorf("Restarts = %+v, %v; want 2, just now", r, err)
	}
	stop()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := processesIn(t, dir); n != 0 {
		t.Errorf("%d processes are left after Close", n)
	}
}

// TestSuperviseFailing supervises a cluster that cannot start for a while. The attempts are spaced out, and the end of the cause ends
// them.
func TestSuperviseFailing(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	log, stop := supervise(t, c)
	defer stop()
	local := filepath.Join(dir, "local.conf")
	if err := os.WriteFile(local, []byte("no_such_setting = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(postmasterPid(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4500 * time.Millisecond)
	if n := strings.Count(log.String(), "cannot be started"); n < 2 || n > 4 {
		t.Errorf("%d attempts within 4.5 s, want 2 to 4: %s", n, log)
	}
	if !strings.Contains(log.String(), "no_such_setting") {
		t.Errorf("the log has no reason: %s", log)
	}
	if err := os.Remove(local); err != nil {
		t.Fatal(err)
	}
	awaitAnswer(t, c, 20*time.Second)
}

// TestSuperviseMakesNothing supervises a cluster whose data disappears. No empty cluster takes its place.
func TestSuperviseMakesNothing(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	c := start(t, dir)
	log, stop := supervise(t, c)
	defer stop()
	pid := postmasterPid(t, dir)
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "data.15")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); !strings.Contains(log.String(), "cannot be started"); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("no failed attempt: %s", log)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "data")); err == nil {
		t.Error("an empty cluster took the place of the old one")
	}
}
