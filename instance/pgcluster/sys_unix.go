//go:build unix

package pgcluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// identity is a user and its group.
type identity = syscall.Credential

// Flags for opening files, and kinds of locks.
const (
	noFollow    = syscall.O_NOFOLLOW
	onlyFolder  = syscall.O_DIRECTORY
	nonBlocking = syscall.O_NONBLOCK

	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// tryLock locks a file, or reports false if another process has a lock that excludes this one.
func tryLock(f *os.File, how int) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// ownSession makes a command run in a session of its own, as another user if there is one.
func ownSession(user *identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: user}
}

// kill sends a signal to a process, or to a group of them if the id is negative.
func kill(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }

func owner(info fs.FileInfo) (uid, gid uint32) {
	st := info.Sys().(*syscall.Stat_t)
	return st.Uid, st.Gid
}

// freeSpace returns the number of bytes that the file system of a folder can still hold.
func freeSpace(dir string) (uint64, error) {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	return uint64(st.Bavail) * uint64(st.Bsize), err
}
