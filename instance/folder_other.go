//go:build unix && !linux

package instance

import "golang.org/x/sys/unix"

// placeOnly is the flag of openAt. Stores run on Linux only, so this system needs no way to open a file without reading it.
const placeOnly = unix.O_RDONLY
