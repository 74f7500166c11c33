package instance

import "golang.org/x/sys/unix"

// placeOnly is the flag of openAt: the file is not opened for reading.
const placeOnly = unix.O_PATH
