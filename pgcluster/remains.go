package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"
	"time"
)

// maxWords is how much of another program's output an error quotes, in bytes.
const maxWords = 2000

// clear takes what a killed PostgreSQL left behind out of the way of the next one.
func (c *Cluster) clear(ctx context.Context) error {
	if err := c.waitForOrphans(ctx); err != nil {
		return err
	}
	if err := c.folder.mkdir(logDir); err != nil {
		return err
	}
	for _, name := range []string{socketName, socketName + ".lock"} {
		if err := c.folder.root.Remove(runDir + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a stale socket: %w", err)
		}
	}
	return c.removeStalePid()
}

// waitForOrphans waits for processes that outlive their PostgreSQL, killed or not: they notice by themselves, and a new one
// beside them would damage the cluster.
func (c *Cluster) waitForOrphans(ctx context.Context) error {
	for began := time.Now(); ; {
		pid := c.anyProcess()
		if pid == 0 {
			return nil
		}
		if time.Since(began) > orphanPatience {
			return fmt.Errorf("process %d of a PostgreSQL that ended still works in %s", pid, path.Join(c.folder.path, dataDir))
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for process %d of a PostgreSQL that ended: %w", pid, err)
		}
	}
}

// anyProcess is some process that works in the data directory, or 0.
func (c *Cluster) anyProcess() int {
	// Without /proc nothing is found, and PostgreSQL's own precautions remain.
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && c.runsHere(pid) {
			return pid
		}
	}
	return 0
}

// removeStalePid removes PostgreSQL's record of a process id that is somebody else's by now, or unreadable after a power
// cut, since PostgreSQL would refuse to start. A record of an id that nobody has is left: by it PostgreSQL finds out
// whether shared memory is still in use.
func (c *Cluster) removeStalePid() error {
	pid, err := c.recordedPid()
	if err != nil {
		return err
	}
	if pid != 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := c.folder.root.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale postmaster.pid: %w", err)
	}
	return nil
}

// lastWords are what PostgreSQL said since the given time, before it ended.
func (c *Cluster) lastWords(since time.Time) string {
	var words []byte
	for _, name := range []string{"start.log", "postgres-" + time.Now().UTC().Format("Mon") + ".log"} {
		// What can't be read isn't worth an error beside the one that is being explained.
		if text, err := c.folder.tail(path.Join(logDir, name), since); err == nil {
			words = append(words, text...)
		}
	}
	return indent(words)
}

// tail is the end of a file that was written to since the given time.
func (f *folder) tail(name string, since time.Time) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	// File systems that keep whole seconds would date it before.
	if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(since.Add(-time.Second)) {
		return nil, err
	}
	if _, err := file.Seek(-min(info.Size(), maxWords), io.SeekEnd); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(file, maxWords))
}
