//go:build !unix

package pgtest

import (
	"os"
	"syscall"
)

// ownSession returns nil: no PostgreSQL of a test runs on this system.
func ownSession() *syscall.SysProcAttr { return nil }

func lockFile(*os.File) error { return nil }
