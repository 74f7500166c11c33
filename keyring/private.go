package keyring

import (
	"os"
	"path/filepath"

	"offlinestore/blob"
)

// ReadPrivate reads a file with a secret, of at most max bytes. It returns a *[PermissionError] if others can read the file.
func ReadPrivate(path string, max int64) ([]byte, error) {
	text, err := blob.ReadFile(path, max)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && !isPrivate(info) {
		return nil, &PermissionError{path}
	}
	return text, nil
}

// Exposed reports whether other users of a Windows computer may read a file with a secret, because its disk has no access control lists, or
// because somebody let them. ReadPrivate does not refuse such a file: they may be the administrators of a domain.
func Exposed(path string) bool { return othersMayRead(path) }

// WritePrivate writes a file that only the owner can read, and makes its folder. Another file in its place is replaced at once.
func WritePrivate(path string, text []byte) error {
	return writePrivate(path, text, blob.WriteOptions{})
}

func writePrivate(path string, text []byte, o blob.WriteOptions) error {
	if err := blob.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	o.Mode = 0o600
	return blob.WriteFile(path, text, o)
}
