package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// Command is a client program of the cluster's own version, like pg_dump, that logs in to a database of it as the superuser.
// It may run until Close.
func (c *Cluster) Command(ctx context.Context, name, database string, args ...string) *exec.Cmd {
	cmd := c.command(ctx, name, args...)
	host := filepath.Join(c.folder.path, runDir)
	if c.host != host {
		// The way to the socket by our own descriptor, which is another one's there.
		cmd.ExtraFiles, host = []*os.File{c.run}, "/proc/self/fd/3"
	}
	cmd.Env = append(cmd.Env, "PGHOST="+host, "PGPORT=5432", "PGUSER="+Superuser, "PGDATABASE="+database, "PGSSLMODE=disable")
	return cmd
}

var clientOutput = regexp.MustCompile(`^[a-z_]+ \(PostgreSQL\) ([0-9]{1,4})`)

// FindClient is the newest client program of that name, like pg_dump, on this machine. Its version is at least that major one:
// a client can't dump what a newer server holds.
func FindClient(ctx context.Context, name string, version int) (path string, err error) {
	var candidates []string
	for _, pattern := range binDirs {
		// A pattern that is a constant is never malformed, the one error that Glob has.
		found, _ := filepath.Glob(filepath.Join(pattern, name))
		candidates = append(candidates, found...)
	}
	if found, err := exec.LookPath(name); err == nil {
		candidates = append(candidates, found)
	}
	newest := 0
	for _, candidate := range candidates {
		out, err := exec.CommandContext(ctx, candidate, "--version").Output()
		m := clientOutput.FindSubmatch(out)
		if err != nil || m == nil {
			continue
		}
		if v, err := strconv.Atoi(string(m[1])); err == nil && v > newest {
			newest, path = v, candidate
		}
	}
	if newest < version || path == "" {
		return "", fmt.Errorf("no %s of PostgreSQL %d or newer on this machine: install the package `postgresql-client-%d`", name, version, version)
	}
	return path, nil
}

// InUse reports whether a process uses the cluster in dir, or its PostgreSQL runs.
func InUse(dir string) (bool, error) {
	users, err := os.Open(filepath.Join(dir, usersLock))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the database cluster: %w", err)
	}
	defer users.Close() // and with it the lock
	err = syscall.Flock(int(users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", users.Name(), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, fmt.Errorf("look at the database cluster: %w", err)
	}
	defer root.Close()
	// One whose last user was killed runs on.
	pid, err := (&Cluster{folder: &folder{path: dir, root: root}}).postmaster()
	return pid != 0, err
}
