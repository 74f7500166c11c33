package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/blob"
	"offlinestore/instance/pgcluster"
)

// fastSettings give up safety from power cuts, which no test needs, for speed.
var fastSettings = [...]string{
	"ALTER SYSTEM SET fsync = off",
	"ALTER SYSTEM SET synchronous_commit = off",
	"ALTER SYSTEM SET full_page_writes = off",
	"ALTER SYSTEM SET autovacuum = off",
	"SELECT pg_reload_conf()",
}

// unusedCluster is a variable with the name of a folder. The test processes of one run share a cluster there that no test has used: the first
// makes it, and each copies it, which takes a fifth of the CPU time of initdb. Whoever sets the variable removes the folder.
const unusedCluster = "OFFLINESTORE_TEST_CLUSTER"

// timeout bounds the work on the cluster for one test.
const timeout = 2 * time.Minute

// guardScript waits until the process at the other end of its standard input is gone. Then it stops the cluster, waits
// until it has stopped, and removes the folder.
const guardScript = `
cat >/dev/null
pid=$(head -n 1 "$1/pg/data/postmaster.pid" 2>/dev/null)
[ -n "$pid" ] && kill -INT "$pid"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -e "$1/pg/data/postmaster.pid" ] || break
	sleep 0.1
done
rm -rf "$1"
`

// testCluster is the cluster of this process. A variable keeps it for ever, because the garbage collector would otherwise
// close its file.
type testCluster struct {
	*pgcluster.Cluster
	// copying is the clause that copies a template's files. Writing all of their pages to the log, as newer versions do otherwise, takes
	// nearly twice the CPU time.
	copying string
	// alive tells the guard that this process lives, by being open.
	alive *os.File
}

// startCluster starts a cluster that ends with this process. A guard process stops it a moment after this one ends,
// because no test knows that it is the last, and a killed process runs no cleanup.
func startCluster() (*testCluster, error) {
	if _, _, err := pgcluster.Find(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent(), "pgtest-")
	if err != nil {
		return nil, err
	}
	alive, err := guard(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// If we are root, PostgreSQL runs as another user, who must be able to enter the folder.
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := startFast(ctx, filepath.Join(dir, "pg"))
	if err != nil {
		return nil, err
	}
	t := &testCluster{Cluster: c, alive: alive}
	if c.Version() >= 15 {
		t.copying = " STRATEGY FILE_COPY"
	}
	return t, nil
}

// startFast starts a cluster with the fast settings in the folder dir, which doesn't exist yet.
func startFast(ctx context.Context, dir string) (*pgcluster.Cluster, error) {
	unused := os.Getenv(unusedCluster)
	if unused == "" {
		return startNew(ctx, dir)
	}
	if err := makeUnused(ctx, unused, dir); err != nil {
		return nil, fmt.Errorf("make a cluster to copy: %w", err)
	}
	if err := copyFolder(ctx, unused, dir); err != nil {
		return nil, err
	}
	return pgcluster.Start(ctx, pgcluster.Options{Dir: dir})
}

// makeUnused makes the folder unused, with a stopped cluster, unless another process has made it. The cluster runs in dir meanwhile, which our
// guard watches.
func makeUnused(ctx context.Context, unused, dir string) error {
	lock, err := os.OpenFile(unused+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockFile(lock); err != nil {
		return err
	}
	if _, err := os.Stat(unused); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c, err := startNew(ctx, dir)
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(unused+".new"), copyFolder(ctx, dir, unused+".new")); err != nil {
		return err
	}
	return errors.Join(os.Rename(unused+".new", unused), os.RemoveAll(dir))
}

// copyFolder copies a folder with owners and modes, which PostgreSQL checks.
func copyFolder(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy a cluster: %w: %s", err, out)
	}
	return nil
}

// startNew makes a cluster with the fast settings in the folder dir, and starts it.
func startNew(ctx context.Context, dir string) (*pgcluster.Cluster, error) {
	c, err := pgcluster.Start(ctx, pgcluster.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, adminOf(c))
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	defer conn.Close(ctx)
	for _, s := range fastSettings {
		if _, err := conn.Exec(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("set up the test cluster: %w", err), c.Close())
		}
	}
	return c, nil
}

// adminOf returns the connection string of a database from which others can be created.
func adminOf(c *pgcluster.Cluster) string { return c.DSN("postgres", pgcluster.Superuser) }

// parent returns the folder for clusters of tests. It is in memory if there is room: each test creates and drops a database
// of some 300 files, and ext4 spends more time on their inodes than PostgreSQL does on all queries. TMPDIR is not used: it
// may be long, and other programs that tests run can't handle a socket with a long path.
func parent() string {
	const inMemory, enough = "/dev/shm", 2 << 30 // bytes
	if free, err := blob.Free(inMemory); err != nil || free < enough {
		return "/tmp"
	}
	return inMemory
}

// guard starts the process that cleans up as soon as the returned file is closed, however this process ends. The guard has
// a session of its own, because Ctrl-C must not end it, too.
func guard(dir string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript, "sh", dir)
	cmd.Dir = "/"
	cmd.Stdin = r
	cmd.SysProcAttr = ownSession()
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("start the guard of the test cluster: %w", err)
	}
	return w, cmd.Process.Release()
}
