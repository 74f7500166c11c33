package bundle

import "github.com/opencontainers/go-digest"

// ConfigFields are the required fields of the configs.
var ConfigFields = configFields

// AssertionConfig is the config of an assertion.
type AssertionConfig = assertionConfig

// FileNames gives names to files.
type FileNames = fileNames

// AddFileName gives a name to a file.
func AddFileName(n *FileNames, folder, name string, d digest.Digest) (string, error) {
	return n.add(folder, name, d)
}
