package blob

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const lockSuffix = ".lock"

// session is a folder below .staging that one Dir writes in. Beside it lies <id>.lock, locked while the process lives: the
// kernel drops the lock however the process ends, and so a lock that can be had marks garbage.
//
// The lock file is made before the folder and removed after it. Whoever takes a lock looks whether the file is still there
// under its name, so that a session that was just born and one that is cleaned away cannot be mistaken for each other.
type session struct {
	dir  string
	lock *os.File
}

func startSession(staging string, mode fs.FileMode) (*session, error) {
	for range 100 {
		if err := makeDir(staging, mode); err != nil {
			return nil, err
		}
		dir := filepath.Join(staging, rand.Text())
		lock, err := os.OpenFile(dir+lockSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process, the last one to stage, has just removed the folder
		}
		if err != nil {
			return nil, err
		}
		if ok, err := lockNamed(lock); err != nil {
			return nil, errors.Join(err, lock.Close(), os.Remove(lock.Name()))
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
	return nil, fmt.Errorf("%s: other processes keep removing it", staging)
}

// lockNamed locks the file if nobody else has. It reports whether the lock was had and the file still has its name.
func lockNamed(f *os.File) (bool, error) {
	if ok, err := tryLock(f); !ok || err != nil {
		return false, err
	}
	return hasName(f)
}

// hasName reports whether the file is still the one of its name.
func hasName(f *os.File) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, named), err
}

// removeOpen removes a file and closes it, in the order that the system allows.
func removeOpen(f *os.File) error {
	if renameOpenFiles {
		return errors.Join(os.Remove(f.Name()), f.Close())
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// end removes the folder, then the lock, and .staging after the last session.
func (s *session) end() error {
	err := os.RemoveAll(s.dir)
	if err == nil {
		err = removeOpen(s.lock)
	} else {
		s.lock.Close()
	}
	os.Remove(filepath.Dir(s.dir)) // fails while others are staging, and that's right
	return err
}

// stagingDir is where this Dir stages.
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

// CleanStaging removes what processes left behind that ended without tidying up. Those that live are not disturbed.
func (d *Dir) CleanStaging() error {
	staging := d.folder(stagingFolder)
	entries, err := os.ReadDir(staging)
	if errors.Is(err, fs.ErrNotExist) {
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
				errs = append(errs, os.RemoveAll(dir)) // the lock goes last: nobody's
			}
			continue
		}
		errs = append(errs, endIfDead(dir))
	}
	os.Remove(staging) // fails unless it is empty
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean staging: %w", err)
	}
	return nil
}

// owns is needed where locks belong to the process (NFS): there our own lock could be had a second time.
func (d *Dir) owns(dir string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session != nil && d.session.dir == dir
}

func endIfDead(dir string) error {
	lock, err := openNoFollow(dir+lockSuffix, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
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
