// Package pgcluster runs a private PostgreSQL cluster from the machine's own PostgreSQL binaries: the embedded default of
// a store for which no database is configured.
//
// A cluster lives in one folder:
//
//	data/        PostgreSQL's data directory
//	run/         the Unix socket, the only way in
//	log/         PostgreSQL's log, a file for each day of the week
//	local.conf   settings of the operator's own, if there are any
//	start.lock   held while the cluster is being started or stopped
//	users.lock   shared by all processes that use the cluster
//	restarts.json  how often a server found PostgreSQL dead and started it again
//
// Several processes share a cluster: the first starts it, the others adopt it, the last one out stops it. They count each
// other by locks that the kernel drops with the process, so nobody has to clean up after a killed process: the next
// process adopts the PostgreSQL that it left running.
package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Superuser is the role that a new cluster has. A process that may open the socket may log in as any role.
const Superuser = "postgres"

const (
	dataDir   = "data"
	runDir    = "run"
	logDir    = "log"
	startLock = "start.lock"
	usersLock = "users.lock"
)

// closeTimeout bounds Close. A checkpoint on a slow disk may take long, but a server has to end within a minute of the signal, half of
// which belongs to downloads.
const closeTimeout = 20 * time.Second

// ErrNoAnswer means that PostgreSQL runs and does not answer.
var ErrNoAnswer = errors.New("PostgreSQL does not answer")

// Options describe the cluster to start.
type Options struct {
	// Dir is the cluster's folder. It is created if it doesn't exist; the folder around it determines the owner.
	Dir string
	// Logf gets messages about slow steps, unless it is nil.
	Logf func(format string, args ...any)
}

// Cluster is a running cluster, in use by this process until Close.
type Cluster struct {
	folder  *folder
	install install
	users   *os.File
	// socketDir is open as long as the Cluster is, because host may go through its descriptor.
	socketDir *os.File
	host      string
	logf      func(format string, args ...any)
}

// Start makes the cluster if there is none, starts it if it isn't running, and uses it until Close. It returns when the cluster
// answers. The error wraps ErrNotInstalled if the machine has no PostgreSQL, and is a *VersionError if no version on it can read
// this cluster.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	c := &Cluster{logf: opts.Logf}
	if c.logf == nil {
		c.logf = func(string, ...any) {}
	}
	var err error
	if c.folder, err = openFolder(opts.Dir); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	starting, err := c.folder.lock(ctx, startLock, exclusive)
	if err != nil {
		return err
	}
	defer starting.Close()
	if c.users, err = c.folder.lock(ctx, usersLock, shared); err != nil {
		return err
	}
	if err = c.bringUp(ctx); err != nil {
		// If ctx cut the start short, the half-started cluster must be stopped all the same.
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return errors.Join(err, c.leave(stopCtx))
	}
	return nil
}

func (c *Cluster) bringUp(ctx context.Context) error {
	if err := c.openRun(); err != nil {
		return err
	}
	if err := c.initialise(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

// run adopts the running PostgreSQL, or starts one. The caller holds the start lock.
func (c *Cluster) run(ctx context.Context) error {
	pid, err := c.postmaster()
	if err != nil {
		return err
	}
	if pid != 0 {
		if adopted, err := c.adopt(ctx, pid); adopted || err != nil {
			return err
		}
	}
	return c.launch(ctx)
}

// openRun makes the folder of the socket, and finds a name for it that fits into the 107 bytes of a socket's path, and that pgx
// doesn't take for a list. If the real path is no such name, the path through our own descriptor is. A link or a socket under /tmp
// would be exposed to strangers. PostgreSQL itself gets a path relative to its data directory.
func (c *Cluster) openRun() error {
	if err := c.folder.mkdir(runDir); err != nil {
		return err
	}
	f, err := c.folder.root.Open(runDir)
	if err != nil {
		return fmt.Errorf("open the folder of the socket: %w", err)
	}
	c.socketDir = f
	c.host = filepath.Join(c.folder.path, runDir)
	if len(c.host)+len(socketName) > 107 || strings.Contains(c.host, ",") {
		c.host = fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	}
	return nil
}

// DSN returns pgx's connection string for a database of the cluster and a login as user. It is valid in this process, until Close.
func (c *Cluster) DSN(database, user string) string {
	q := url.Values{"host": {c.host}, "port": {"5432"}, "user": {user}, "sslmode": {"disable"}}
	// pgx reads a plus sign as a space, but libpq doesn't.
	return "postgres:///" + url.PathEscape(database) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// Version returns the major version of PostgreSQL that the cluster runs on.
func (c *Cluster) Version() int { return c.install.version }

// Close ends this process's use of the cluster, and stops it if no other process uses it. It does not wait for a slow stop: PostgreSQL
// loses nothing, and the next process waits for its end. A second Close does no harm.
func (c *Cluster) Close() error {
	if c.users == nil {
		return nil
	}
	defer c.release()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	stopping, err := c.folder.lock(ctx, startLock, exclusive)
	if err != nil {
		return err
	}
	defer stopping.Close()
	return c.leave(ctx)
}

// leave stops the cluster if nobody else uses it. The caller holds the start lock, so no new user can appear meanwhile.
func (c *Cluster) leave(ctx context.Context) error {
	alone, err := tryLock(c.users, exclusive)
	if err != nil || !alone {
		return err
	}
	return c.stop(ctx)
}

// release closes the files that c holds open, and so drops its lock.
func (c *Cluster) release() {
	if c.users != nil {
		c.users.Close()
		c.users = nil
	}
	if c.socketDir != nil {
		c.socketDir.Close()
		c.socketDir = nil
	}
	c.folder.root.Close()
}
