//go:build unix

package service

import (
	"math"
	"syscall"
)

// openFiles returns the limit of descriptors of this process.
func openFiles() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fewFiles
	}
	return int64(min(limit.Cur, math.MaxInt32))
}
