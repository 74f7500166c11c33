//go:build !unix

package pgcluster

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// A store runs on Linux. Elsewhere its code compiles, so that developers and tools see all of it, and no lock is ever had.

type identity struct{ Uid, Gid uint32 }

const (
	noFollow    = 0
	onlyFolder  = 0
	nonBlocking = 0

	shared    = 0
	exclusive = 0
)

func tryLock(*os.File, int) (bool, error) { return false, errors.ErrUnsupported }

func ownSession(*identity) *syscall.SysProcAttr { return nil }

func kill(int, syscall.Signal) error { return errors.ErrUnsupported }

func owner(fs.FileInfo) (uid, gid uint32) { return 0, 0 }

func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
