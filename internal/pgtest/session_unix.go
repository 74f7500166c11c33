//go:build unix

package pgtest

import "syscall"

// ownSession makes a command run in a session of its own.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
