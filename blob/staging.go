package blob

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const lockSuffix = ".lock"

// gonePoll is the time between two attempts to use a folder that other processes remove when they have finished.
const gonePoll = 5 * time.Millisecond

// session is a folder below .staging in which one Dir writes. Beside it lies <id>.lock, locked while the process lives. The
// kernel releases the lock even after a crash, so a free lock marks garbage.
//
// The lock file is made before the folder and removed after it. A process that takes a lock then checks that the file still has
// its name. So it cannot confuse a new session with one that is being cleaned away.
type session struct {
	dir  string
	lock *os.File
}

func startSession(staging string, mode fs.FileMode) (*session, error) {
	gone := fs.ErrNotExist
	for range 100 {
		var lock *os.File
		dir := filepath.Join(staging, rand.Text())
		err := makeDir(staging, mode)
		if err == nil {
			lock, err = createFile(dir+lockSuffix, mode)
		}
		if isGone(err) {
			gone = err // another process, the last one to stage, has just removed the folder
			time.Sleep(gonePoll)
			continue
		}
		if err != nil {
			return nil, err
		}
		if ok, err := lockNamed(lock); err != nil {
			return nil, errors.Join(err, removeOpen(lock))
		} else if !ok {
			lock.Close()
			continue
		}
		s := &session{dir, lock}
		if err := makeDir(dir, 0o700); err != nil {
			return nil, errors.Join(err, s.end())
		}
		return s, nil
	}
	return nil, fmt.Errorf("%s: other processes keep removing it: %w", staging, gone)
}

// lockNamed locks the file if it is unlocked. It reports whether it got the lock and the file still has its name.
func lockNamed(f *os.File) (bool, error) {
	if ok, err := tryLock(f); !ok || err != nil {
		return false, err
	}
	return hasName(f)
}

// hasName reports whether the path still leads to this file.
func hasName(f *os.File) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(f.Name())
	if isGone(err) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, named), err
}

// end removes the folder, then the lock, and .staging after the last session.
func (s *session) end() error {
	err := removeAll(s.dir)
	if err == nil {
		err = removeOpen(s.lock)
	} else {
		s.lock.Close()
	}
	RemoveEmpty(filepath.Dir(s.dir))
	return err
}

// stagingDir returns the folder in which this Dir stages.
func (d *Dir) stagingDir() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session == nil {
		s, err := startSession(d.folder(stagingFolder), d.modes.DirMode)
		if err != nil {
			return "", err
		}
		d.session = s
	}
	return d.session.dir, nil
}

// CleanStaging removes the files that ended processes left behind. It does not touch the files of living processes.
func (d *Dir) CleanStaging() error {
	staging := d.folder(stagingFolder)
	entries, err := readDir(staging)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean staging: %w", err)
	}
	var errs []error
	for _, e := range entries {
		dir := filepath.Join(staging, strings.TrimSuffix(e.Name(), lockSuffix))
		if d.owns(dir) {
			continue
		}
		if e.IsDir() {
			if _, err := os.Lstat(dir + lockSuffix); errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, removeAll(dir)) // the lock file is removed last
			}
			continue
		}
		errs = append(errs, endIfDead(dir))
	}
	RemoveEmpty(staging)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean staging: %w", err)
	}
	return nil
}

// owns reports whether a session belongs to this Dir. Where locks belong to the process (NFS), our own lock could be taken a
// second time.
func (d *Dir) owns(dir string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session != nil && d.session.dir == dir
}

func endIfDead(dir string) error {
	lock, err := openNoFollow(dir+lockSuffix, os.O_RDWR)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if ok, err := lockNamed(lock); !ok || err != nil {
		lock.Close()
		return err
	}
	return (&session{dir, lock}).end()
}
