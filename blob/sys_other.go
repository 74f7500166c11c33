//go:build !linux

package blob

import "os"

// preallocate does nothing on this system: the caller has already compared the free space.
func preallocate(*os.File, int64) error { return nil }

func startWriteBack(*os.File, int64, int64) {}

func finishWriteBack(*os.File, int64, int64) error { return nil }

func dropCache(*os.File) {}

func releaseCache(*os.File, int64, int64) {}

func syncData(f *os.File) error { return f.Sync() }
