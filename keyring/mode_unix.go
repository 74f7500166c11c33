//go:build !windows

package keyring

import "io/fs"

// othersMayRead reports false: Load refuses files that others can read.
func othersMayRead(string) bool { return false }

// isPrivate reports whether only the owner can read the file.
func isPrivate(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
