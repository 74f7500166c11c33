package bundle

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// maxFileName bounds the names of files for inspection, in bytes. Joliet, in which discs (ISO 9660) have long names, has 64 characters.
const maxFileName = 64

// maxExtension bounds the end of a name that a shortened name keeps.
const maxExtension = 16

// fileNames gives names to files so that no file system mistakes two of them, or refuses one.
type fileNames struct {
	taken map[string]bool // folder and name, in lower case
}

// add returns the path of a file in a folder. Its name is the given one, unless a file system could not hold it beside the names before:
// then it is shortened and has a part of the digest.
func (n *fileNames) add(folder, name string, d digest.Digest) (string, error) {
	if len(name) > maxFileName || strings.HasSuffix(name, ".") || blob.IsDevice(name) || blob.IsForeign(name) || n.taken[strings.ToLower(folder+name)] {
		name = shortName(name, d)
	}
	key := strings.ToLower(folder + name)
	if n.taken[key] {
		return "", corrupt("two files would have the name %s", folder+name)
	}
	if n.taken == nil {
		n.taken = make(map[string]bool)
	}
	n.taken[key] = true
	return folder + name, nil
}

// shortName returns the beginning of a name, 16 digits of the digest, and the extension. The beginning has no dots, because Windows takes
// the part before the first dot for the name of a device.
func shortName(name string, d digest.Digest) string {
	end := extension(name)
	tail := "~" + d.Encoded()[:16] + end
	start := strings.TrimSuffix(name, end)
	return strings.ReplaceAll(start[:min(len(start), maxFileName-len(tail))], ".", "_") + tail
}

// extension returns the end of a name that tells the type of the file: ".snap", ".tar.gz", or "".
func extension(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i == len(name)-1 {
		return ""
	}
	if i > 0 && strings.HasSuffix(name[:i], ".tar") {
		i -= len(".tar")
	}
	if i <= 0 || len(name)-i > maxExtension {
		return ""
	}
	return name[i:]
}
