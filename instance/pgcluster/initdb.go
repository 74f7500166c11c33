package pgcluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// initdbFlags fix the settings that could otherwise differ between machines. The C locale sorts by bytes, and never changes with an
// upgrade of the C library, which would silently break indexes. Checksums distinguish a bad disk from a bad store.
const initdbFlags = "-U " + Superuser + " -E UTF8 --locale=C -k -A trust"

// initialise makes the cluster if there is none, and chooses the binaries to run it with.
func (c *Cluster) initialise(ctx context.Context) error {
	all := installs()
	if len(all) == 0 {
		return ErrNotInstalled
	}
	have, err := c.dataVersion()
	if errors.Is(err, fs.ErrNotExist) {
		if err := c.refuseHalfUpgraded(); err != nil {
			return err
		}
		c.install = all[0]
		return c.initdb(ctx)
	}
	if err != nil {
		return err
	}
	for _, c.install = range all {
		if c.install.version == have {
			if have != all[0].version {
				c.logf("The database cluster stays on PostgreSQL %d; this machine has %d too.", have, all[0].version)
			}
			return nil
		}
	}
	return &VersionError{Dir: c.folder.path, Have: have, Want: all[0].version, BinDir: all[0].bindir}
}

// refuseHalfUpgraded refuses to make a cluster beside one that an interrupted upgrade has moved away: an empty store would take the
// place of a full one.
func (c *Cluster) refuseHalfUpgraded() error {
	entries, err := fs.ReadDir(c.folder.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("read the folder of the database cluster: %w", err)
	}
	for _, e := range entries {
		version, ok := strings.CutPrefix(e.Name(), dataDir+".")
		if _, err := strconv.Atoi(version); ok && (err == nil || version == "new") {
			return fmt.Errorf("an upgrade of the database cluster was interrupted: %s has %s and no %s: rename the right one to %[3]s",
				c.folder.path, e.Name(), dataDir)
		}
	}
	return nil
}

// dataVersion returns the major version of the PostgreSQL that made the cluster.
func (c *Cluster) dataVersion() (int, error) {
	if _, err := c.folder.root.Lstat(dataDir); err != nil {
		return 0, fmt.Errorf("read the database cluster: %w", err)
	}
	text, err := c.folder.read(filepath.Join(dataDir, "PG_VERSION"))
	if err != nil {
		// The error is not ErrNotExist: there is a data directory, and it must not be replaced by an empty one.
		return 0, fmt.Errorf("read the version of the database cluster in %s: %v", c.folder.path, err)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || version < 1 {
		return 0, fmt.Errorf("read the version of the database cluster in %s: PG_VERSION holds %.20q", c.folder.path, text)
	}
	return version, nil
}

// initdb makes the cluster under another name first, so that a cluster under the right name is whole.
func (c *Cluster) initdb(ctx context.Context) error {
	c.logf("Making a database cluster in %s (PostgreSQL %d).", c.folder.path, c.install.version)
	if err := c.removeAttempts(); err != nil {
		return err
	}
	// The name is a new one each time, since the processes of a killed attempt may still write to the old one.
	attempt := dataDir + ".new-" + rand.Text()
	// With --no-clean, a full disk is still full after the failure.
	args := append(strings.Fields(initdbFlags), "--no-clean", "-D", attempt)
	if out, err := c.command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		err = c.explain(ctx, err)
		if c.folder.isFull() || mentionsFullDisk(out) {
			err = fmt.Errorf("%w: %w", syscall.ENOSPC, err)
		}
		c.folder.root.RemoveAll(attempt)
		return fmt.Errorf("run initdb: %w%s", err, indent(out))
	}
	if err := c.folder.root.Rename(attempt, dataDir); err != nil {
		return fmt.Errorf("put the new database cluster in place: %w", err)
	}
	return c.folder.sync()
}

// mentionsFullDisk reports whether a program of PostgreSQL's had no space, or no quota.
func mentionsFullDisk(out []byte) bool {
	return bytes.Contains(out, []byte("No space left on device")) || bytes.Contains(out, []byte("Disk quota exceeded"))
}

func (c *Cluster) removeAttempts() error {
	entries, err := fs.ReadDir(c.folder.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("read the folder of the database cluster: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), dataDir+".new-") {
			// A folder that can't be removed does no harm.
			c.folder.root.RemoveAll(e.Name())
		}
	}
	return nil
}

// command returns a command of PostgreSQL's that runs in the cluster's folder as its owner. It has a session of its own, because
// the terminal's Ctrl-C is meant for us. It gets nothing of our environment, which could change its behaviour.
func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.install.bindir, name), args...)
	cmd.Dir = c.folder.path
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PWD=" + c.folder.path}
	cmd.SysProcAttr = ownSession(c.folder.cred)
	cmd.Cancel = func() error { return kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// explain returns err, or a better reason for it.
func (c *Cluster) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.folder.cred != nil && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s must be able to enter %s, and all folders above it: %w", userName(c.folder.cred.Uid), c.folder.path, err)
	}
	return err
}

// read returns the content of a small file of PostgreSQL's.
func (f *folder) read(name string) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, 4096))
}

func (f *folder) sync() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("sync the folder of the database cluster: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the folder of the database cluster: %w", err)
	}
	return nil
}

// indent returns the end of a command's output, indented, for the lines below an error.
func indent(out []byte) string {
	out = out[max(0, len(out)-maxWords):]
	text := strings.TrimSpace(strings.ToValidUTF8(string(out), "?"))
	if text == "" {
		return ""
	}
	return "\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}
