package pgtest_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/internal/pgtest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	var got string
	if err := connect(t, dsn).QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func TestNewIsPrivate(t *testing.T) {
	t.Parallel()
	for range 3 {
		dsn := pgtest.New(t)
		if _, err := connect(t, dsn).Exec(t.Context(), "CREATE TABLE mine ()"); err != nil {
			t.Errorf("a new database isn't empty: %v", err)
		}
	}
}

func TestNewIsDropped(t *testing.T) {
	t.Parallel()
	var dsn, name string
	t.Run("inner", func(t *testing.T) {
		dsn = pgtest.New(t)
		name = query(t, dsn, "SELECT current_database()")
	})
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		conn.Close(t.Context())
		t.Errorf("database %s is still there after its test", name)
	}
}

var filled atomic.Int32

func fill(dsn string) error {
	filled.Add(1)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE t AS SELECT 'from the template' AS c")
	return err
}

func TestNewFrom(t *testing.T) {
	t.Parallel()
	t.Run("all", func(t *testing.T) {
		for range 4 {
			t.Run("copy", func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.NewFrom(t, fill)
				if got := query(t, dsn, "SELECT c FROM t"); got != "from the template" {
					t.Errorf("c = %q", got)
				}
				if _, err := connect(t, dsn).Exec(t.Context(), "DROP TABLE t"); err != nil {
					t.Error(err)
				}
			})
		}
	})
	if n := filled.Load(); n != 1 && os.Getenv("OFFLINESTORE_TEST_DATABASE_URL") == "" {
		t.Errorf("the template was filled %d times, want once", n)
	}
}

// TestNothingRemains kills a process that uses a cluster, and checks that the cluster is gone afterwards.
func TestNothingRemains(t *testing.T) {
	const inner = "PGTEST_TEST_INNER"
	if os.Getenv("OFFLINESTORE_TEST_DATABASE_URL") != "" {
		t.Skip("the cluster isn't ours")
	}
	if os.Getenv(inner) != "" {
		os.Stdout.WriteString("folder " + query(t, pgtest.New(t), "SHOW data_directory") + "\n")
		time.Sleep(time.Minute)
		return
	}
	pgtest.New(t) // New skips the test on a machine without PostgreSQL.
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingRemains$")
	cmd.Env = append(os.Environ(), inner+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	data, ok := strings.CutPrefix(strings.TrimSpace(line), "folder ")
	if !ok {
		t.Fatalf("got %q, want a folder", line)
	}
	dir := strings.TrimSuffix(data, "/pg/data")
	if _, err := os.Stat(dir); err != nil || dir == data {
		t.Fatalf("folder %q of the other process: %v", dir, err)
	}
	cmd.Process.Kill()
	for range 200 {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s is still there", dir)
}
