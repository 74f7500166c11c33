package pgcluster

import (
	"bytes"
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

// clear removes the remains of a killed PostgreSQL that would disturb the next one.
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

// waitForOrphans waits for processes that outlive their PostgreSQL, killed or not. They notice its end by themselves, and a new
// PostgreSQL beside them would damage the cluster.
func (c *Cluster) waitForOrphans(ctx context.Context) error {
	for began := time.Now(); ; {
		pid := c.anyProcess()
		if pid == 0 {
			return nil
		}
		if time.Since(began) > orphanPatience {
			return fmt.Errorf("process %d of a PostgreSQL that ended still works in %s", pid, path.Join(c.folder.path, dataDir))
		}
		if err := nextLook(ctx, began); err != nil {
			return fmt.Errorf("wait for process %d of a PostgreSQL that ended: %w", pid, err)
		}
	}
}

// anyProcess returns the id of a process that works in the data directory, or 0.
func (c *Cluster) anyProcess() int {
	// Without /proc no process is found, and PostgreSQL's own precautions remain.
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && c.runsHere(pid) {
			return pid
		}
	}
	return 0
}

// removeStalePid removes PostgreSQL's record of its process id if the id now belongs to another process, or if the record is
// unreadable after a power cut, since PostgreSQL would refuse to start. It keeps the record of an id without a process: with it,
// PostgreSQL finds out whether shared memory is still in use.
func (c *Cluster) removeStalePid() error {
	pid, err := c.recordedPid()
	if err != nil {
		return err
	}
	if pid != 0 && errors.Is(kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := c.folder.root.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale postmaster.pid: %w", err)
	}
	return nil
}

// lastWords returns PostgreSQL's messages from the given time until it ended.
func (c *Cluster) lastWords(since time.Time) string {
	// An unreadable log isn't worth an error beside the error that it should explain.
	words, _ := c.folder.tail(path.Join(logDir, "start.log"), since)
	log, _ := c.folder.tail(path.Join(logDir, "postgres-"+time.Now().UTC().Format("Mon")+".log"), since)
	return indent(append(words, linesSince(log, since)...))
}

// linesSince returns the lines of a log from that time on. A line without a time continues the line before.
func linesSince(log []byte, since time.Time) []byte {
	const layout = "2006-01-02 15:04:05.000"
	var out []byte
	old := true
	for line := range bytes.Lines(log) {
		if at, err := time.Parse(layout, string(line[:min(len(layout), len(line))])); err == nil {
			old = at.Before(since.UTC().Truncate(time.Millisecond))
		}
		if !old {
			out = append(out, line...)
		}
	}
	return out
}

// tail returns the end of a file that was written to since the given time.
func (f *folder) tail(name string, since time.Time) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	// Some file systems keep whole seconds, and would date the file before.
	if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(since.Add(-time.Second)) {
		return nil, err
	}
	if _, err := file.Seek(-min(info.Size(), maxWords), io.SeekEnd); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(file, maxWords))
}

// StartError reports that PostgreSQL ended as soon as it was started. errors.Is finds syscall.ENOSPC in it if the disk was full.
type StartError struct {
	Dir     string
	Version int
	// Words is the text that PostgreSQL wrote to its log, on lines of their own.
	Words string
	full  bool
}

func (e *StartError) Error() string {
	text := fmt.Sprintf("start PostgreSQL %d in %s: it ended at once", e.Version, e.Dir)
	if e.full {
		text += ": " + syscall.ENOSPC.Error()
	}
	return text + e.Words
}

// Unwrap returns the cause, if callers look for it.
func (e *StartError) Unwrap() error {
	if e.full {
		return syscall.ENOSPC
	}
	return nil
}

// minFree is the space that PostgreSQL needs to start, in bytes: a segment of its log.
const minFree = 16 << 20

// isFull reports whether the cluster's disk may be too full, which would explain a failure. PostgreSQL can't log that to a full
// disk.
func (f *folder) isFull() bool {
	free, err := freeSpace(f.path)
	return err == nil && free < minFree
}
