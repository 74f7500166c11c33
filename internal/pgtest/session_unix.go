//go:build unix

package pgtest

import (
	"os"
	"syscall"
)

// ownSession makes a command run in a session of its own.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// lockFile waits for the lock on a file, which its end or the end of the process drops.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
