//go:build !unix

package s3test

import "syscall"

func ownSession() *syscall.SysProcAttr { return nil }
