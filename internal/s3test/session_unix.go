//go:build unix

package s3test

import "syscall"

// ownSession keeps Ctrl-C from the server, which ends with its standard input.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
