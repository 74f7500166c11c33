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
)

// Command returns a client program of the cluster's own version, like pg_dump, which logs in to a database of the cluster as the
// superuser. It may run until Close.
func (c *Cluster) Command(ctx context.Context, name, database string, args ...string) *exec.Cmd {
	cmd := c.command(ctx, name, args...)
	host := filepath.Join(c.folder.path, runDir)
	if c.host != host {
		// The path to the socket goes through our own descriptor, which has another number there.
		cmd.ExtraFiles, host = []*os.File{c.socketDir}, "/proc/self/fd/3"
	}
	cmd.Env = append(cmd.Env, "PGHOST="+host, "PGPORT=5432", "PGUSER="+Superuser, "PGDATABASE="+database, "PGSSLMODE=disable")
	return cmd
}

var clientOutput = regexp.MustCompile(`^[a-z_]+ \(PostgreSQL\) ([0-9]{1,4})`)

// FindClient returns the newest client program of a name, like pg_dump, on this machine. Its major version is at least version: a
// client can't dump the database of a newer server.
func FindClient(ctx context.Context, name string, version int) (path string, err error) {
	var candidates []string
	for _, pattern := range binDirs {
		// Glob's only error is a malformed pattern, which a constant never is.
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
	users, err := os.OpenFile(filepath.Join(dir, usersLock), os.O_RDONLY|noFollow|nonBlocking, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the database cluster: %w", err)
	}
	defer users.Close() // it holds the lock
	alone, err := tryLock(users, exclusive)
	if err != nil {
		return false, err
	}
	if !alone {
		return true, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, fmt.Errorf("look at the database cluster: %w", err)
	}
	defer root.Close()
	// PostgreSQL keeps running if its last user was killed.
	pid, err := (&Cluster{folder: &folder{path: dir, root: root}}).postmaster()
	return pid != 0, err
}
