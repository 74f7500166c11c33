package bundle

import (
	"io"

	"filippo.io/age"
	"github.com/opencontainers/go-digest"
)

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

// NewPackedReader returns a reader of a packed bundle, which may be encrypted.
func NewPackedReader(name string, r io.Reader, identities ...age.Identity) (*Reader, error) {
	return newPackedReader(name, r, identities)
}
