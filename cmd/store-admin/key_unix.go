//go:build !windows

package main

import "io/fs"

// privateEnough says whether only the owner can read the file.
func privateEnough(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
