package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// connectPatience is how long a PostgreSQL that runs may give no answer, not even that it is starting or stopping. Those
	// it may take its time for: after a crash it reads its log first.
	connectPatience = 30 * time.Second
	// pingTimeout is how long one attempt to connect may take.
	pingTimeout = 5 * time.Second
	// orphanPatience is how long the processes of a PostgreSQL that ended may take to notice.
	orphanPatience = 30 * time.Second
)

// cannotConnectNow is the code by which PostgreSQL says that it is starting, recovering or stopping.
const cannotConnectNow = "57P03"

// launchScript runs PostgreSQL in the background of a shell that ends at once. The init process becomes the parent, so that
// PostgreSQL is nobody's zombie when it dies before us; a zombie looks alive to the next one that wants to start.
const launchScript = `exec "$@" </dev/null >log/start.log 2>&1 & echo $!`

var pidFile = filepath.Join(dataDir, "postmaster.pid")

// postmaster is the process id of the PostgreSQL that runs this cluster, or 0.
func (c *Cluster) postmaster() (int, error) {
	pid, err := c.recordedPid()
	if err != nil || pid == 0 || !c.runsHere(pid) {
		return 0, err
	}
	return pid, nil
}

// recordedPid is the process id that PostgreSQL wrote down, which may be of a process long gone; 0 when there is none.
func (c *Cluster) recordedPid() (int, error) {
	text, err := c.folder.read(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	// Whatever else stands there, after a power cut perhaps, isn't the id of a process.
	pid, err := strconv.ParseInt(strings.TrimSpace(line), 10, 32)
	if err != nil || pid < 2 {
		return 0, nil
	}
	return int(pid), nil
}

// runsHere reports whether a process works in this cluster's data directory, as all of PostgreSQL's do. The number alone
// proves nothing: after a restart, of a container in particular, it is likely to be somebody else's.
func (c *Cluster) runsHere(pid int) bool {
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	data, err := c.folder.root.Stat(dataDir)
	return err == nil && os.SameFile(cwd, data)
}

// adopt waits until the PostgreSQL that runs answers. It is false when that ended instead.
func (c *Cluster) adopt(ctx context.Context, pid int) (bool, error) {
	for began := time.Now(); ; {
		err := c.ping(ctx)
		if err == nil {
			return true, nil
		}
		if !c.runsHere(pid) {
			return false, nil
		}
		if !isBusy(err) && time.Since(began) > connectPatience {
			return false, fmt.Errorf("connect to PostgreSQL, which runs as process %d (kill -INT stops it): %w", pid, err)
		}
		if err := pause(ctx); err != nil {
			return false, fmt.Errorf("wait for PostgreSQL: %w", err)
		}
	}
}

// ping is nil when the cluster answers. An answer that isn't welcome is one too, like that there are too many connections.
func (c *Cluster) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	conn, err := pgconn.Connect(ctx, c.DSN("postgres", Superuser))
	if err == nil {
		return conn.Close(ctx)
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.Code != cannotConnectNow {
		return nil
	}
	return err
}

func isBusy(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer)
}

// launch starts PostgreSQL and waits until it answers.
func (c *Cluster) launch(ctx context.Context) error {
	if err := c.clear(ctx); err != nil {
		return err
	}
	if err := c.configure(); err != nil {
		return err
	}
	began := time.Now()
	pid, err := c.spawn(ctx)
	if err != nil {
		return err
	}
	for {
		err := c.ping(ctx)
		if err == nil {
			return nil
		}
		// A process that ended has no program any more, even while nobody has asked for its exit code.
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
			return &StartError{Dir: c.folder.path, Version: c.install.version, Words: c.lastWords(began), full: c.folder.isFull()}
		}
		if !isBusy(err) && time.Since(began) > connectPatience {
			return fmt.Errorf("connect to PostgreSQL, which was just started: %w%s", err, c.lastWords(began))
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
}

// spawn leaves PostgreSQL running in the background.
func (c *Cluster) spawn(ctx context.Context) (pid int, err error) {
	cmd := c.command(ctx, "postgres", "-D", dataDir)
	cmd.Args = append([]string{"sh", "-c", launchScript, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("start PostgreSQL: %w", c.explain(ctx, err))
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(out))); err != nil {
		return 0, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return pid, nil
}

// stop ends PostgreSQL without waiting for its clients, and waits until it has written everything down.
func (c *Cluster) stop(ctx context.Context) error {
	pid, err := c.postmaster()
	if err != nil || pid == 0 {
		return err
	}
	// SIGINT is PostgreSQL's fast shutdown.
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop PostgreSQL (process %d): %w", pid, err)
	}
	for c.runsHere(pid) {
		if err := pause(ctx); err != nil {
			return fmt.Errorf("stop PostgreSQL (process %d): %w", pid, err)
		}
	}
	// The process that writes the log sees the others out.
	return c.waitForOrphans(ctx)
}
