//go:build !unix

package settings

import (
	"errors"
	"io/fs"
	"os"
)

// A store runs on Linux. Elsewhere its code compiles, so that developers and tools see all of it, and nobody can change settings.

const noFollow = 0

func flock(*os.File) error { return errors.ErrUnsupported }

func giveToFolderOwner(*os.File) error { return nil }

func inode(fs.FileInfo) uint64 { return 0 }
