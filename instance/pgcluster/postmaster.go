package pgcluster

import (
	"bytes"
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
	// connectPatience is the time for which a running PostgreSQL may give no answer, not even that it is starting or stopping.
	// Starting and stopping may take longer: after a crash, PostgreSQL reads its log first.
	connectPatience = 30 * time.Second
	// pingTimeout bounds one attempt to connect.
	pingTimeout = 5 * time.Second
	// orphanPatience is the time that the processes of an ended PostgreSQL have to notice its end.
	orphanPatience = 30 * time.Second
)

// cannotConnectNow is PostgreSQL's code for starting, recovering or stopping.
const cannotConnectNow = "57P03"

// launchScript runs PostgreSQL in the background of a shell that ends at once. The init process becomes the parent. Otherwise a
// PostgreSQL that dies before us would stay as a zombie, and a zombie looks alive to the next process that wants to start it.
const launchScript = `exec "$@" </dev/null >log/start.log 2>&1 & echo $!`

var pidFile = filepath.Join(dataDir, "postmaster.pid")

// postmaster returns the process id of the PostgreSQL that runs this cluster, or 0.
func (c *Cluster) postmaster() (int, error) {
	pid, err := c.recordedPid()
	if err != nil || pid == 0 || !c.runsHere(pid) {
		return 0, err
	}
	return pid, nil
}

// recordedPid returns the process id that PostgreSQL wrote to its file, or 0 if there is none. The process may have ended long ago.
func (c *Cluster) recordedPid() (int, error) {
	text, err := c.folder.read(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	// Any other content, perhaps after a power cut, isn't the id of a process.
	pid, err := strconv.ParseInt(strings.TrimSpace(line), 10, 32)
	if err != nil || pid < 2 {
		return 0, nil
	}
	return int(pid), nil
}

// runsHere reports whether a process works in this cluster's data directory, as all processes of PostgreSQL do. The number alone
// proves nothing: after a restart, especially of a container, it often belongs to another process.
func (c *Cluster) runsHere(pid int) bool {
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if errors.Is(err, fs.ErrPermission) {
		return c.isServer(pid)
	}
	if err != nil {
		return false
	}
	data, err := c.folder.root.Stat(dataDir)
	return err == nil && os.SameFile(cwd, data)
}

// isServer reports whether a process is a PostgreSQL of the cluster's owner. Linux hides the folder of a process with more rights than ours,
// as one has that systemd gave a right for low ports. To take it for another one's would start a second PostgreSQL beside it.
func (c *Cluster) isServer(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || string(name) != "postgres\n" {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	ended := bytes.Contains(status, []byte("\nState:\tZ"))
	return err == nil && !ended && bytes.Contains(status, fmt.Appendf(nil, "\nUid:\t%d\t", c.folder.owner()))
}

// adopt waits until the running PostgreSQL answers. It returns false if PostgreSQL ended instead.
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
			return false, fmt.Errorf("%w: it runs as process %d (kill -INT stops it): %w", ErrNoAnswer, pid, err)
		}
		if err := nextLook(ctx, began); err != nil {
			return false, fmt.Errorf("wait for PostgreSQL: %w", err)
		}
	}
}

// ping returns nil if the cluster answers. An error of the server, like too many connections, is an answer too.
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
	// An end of ctx in the middle of spawn would leave a PostgreSQL whose process nobody knows.
	pid, err := c.spawn(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	for {
		err := c.ping(ctx)
		if err == nil {
			return nil
		}
		// An ended process has no program any more, even if nobody has asked for its exit code.
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); errors.Is(err, fs.ErrNotExist) {
			words := c.lastWords(began)
			return &StartError{Dir: c.folder.path, Version: c.install.version, Words: words, full: c.folder.isFull() || mentionsFullDisk([]byte(words))}
		}
		if !isBusy(err) && time.Since(began) > connectPatience {
			return fmt.Errorf("%w after its start: %w%s", ErrNoAnswer, err, c.lastWords(began))
		}
		if err := nextLook(ctx, began); err != nil {
			c.abandon(pid)
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
}

// abandon ends a PostgreSQL that is starting. It may not have written its process id to its file yet, and ignores the signal at first, as a
// program in the background of a shell does.
func (c *Cluster) abandon(pid int) {
	for began := time.Now(); time.Since(began) < closeTimeout; {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); errors.Is(err, fs.ErrNotExist) || kill(pid, syscall.SIGINT) != nil {
			return // it has ended
		}
		_ = nextLook(context.Background(), began) // never ends early
	}
}

// spawn starts PostgreSQL in the background.
func (c *Cluster) spawn(ctx context.Context) (pid int, err error) {
	cmd := c.command(ctx, "postgres", "-D", dataDir)
	cmd.Args = append([]string{"sh", "-c", launchScript, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	out, err := outputWithoutRights(cmd)
	if err != nil {
		return 0, fmt.Errorf("start PostgreSQL: %w", c.explain(ctx, err))
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(out))); err != nil {
		return 0, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return pid, nil
}

// stop ends PostgreSQL without waiting for its clients, and waits until it has written everything to the disk.
func (c *Cluster) stop(ctx context.Context) error {
	pid, err := c.postmaster()
	if err != nil || pid == 0 {
		return err
	}
	// SIGINT is PostgreSQL's fast shutdown.
	if err := kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop PostgreSQL (process %d): %w", pid, err)
	}
	for began := time.Now(); c.runsHere(pid); {
		if nextLook(ctx, began) != nil {
			c.logf("PostgreSQL (process %d) is still stopping.", pid)
			return nil
		}
	}
	// The process that writes the log ends last.
	return c.waitForOrphans(ctx)
}
