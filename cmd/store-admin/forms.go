package main

import (
	"strings"

	"offlinestore/bundle"
)

// The forms of bundles in a folder.
const (
	layoutOCI   = "oci"
	layoutFiles = "files"
)

// compressionOf returns the compression of an archive of this name, which may be encrypted, or "".
func compressionOf(name string) bundle.Compression {
	name = strings.TrimSuffix(name, bundle.EncryptedExtension)
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		if strings.HasSuffix(name, c.Extension()) {
			return c
		}
	}
	return ""
}
