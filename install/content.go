package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"offlinestore/blob"
	"offlinestore/registration"
)

// ErrNoDebs means that a folder has no Debian packages.
var ErrNoDebs = errors.New("no Debian packages (*.deb) are in it")

// ErrNotDeb means that a file is not a Debian package.
var ErrNotDeb = errors.New("no Debian package")

// Debs returns the Debian packages to bring along. Each path is a package, or a folder of packages.
func Debs(paths []string) ([]File, error) {
	var out []File
	for _, path := range paths {
		list := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			// Glob has one error: a malformed pattern. The name of the folder may be one.
			if list, err = filepath.Glob(filepath.Join(path, "*.deb")); err != nil || len(list) == 0 {
				return nil, fmt.Errorf("%s: %w", path, ErrNoDebs)
			}
		}
		for _, p := range list {
			if err := validateDeb(p); err != nil {
				return nil, err
			}
			out = append(out, File{Name: "debs/" + filepath.Base(p), Mode: 0o644, Path: p, Packed: true})
		}
	}
	return out, nil
}

func validateDeb(path string) error {
	f, err := blob.OpenRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const magic = "!<arch>\ndebian-binary"
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(f, start); err != nil || string(start) != magic || filepath.Ext(path) != ".deb" {
		return fmt.Errorf("%s is %w", path, ErrNotDeb)
	}
	return nil
}

// Bundle returns the bundle at path, which the host will import.
func Bundle(path string) File {
	return File{Name: "bundles/" + filepath.Base(path), Mode: 0o644, Path: path, Packed: true}
}

// Store describes the store that the host will become.
type Store struct {
	// Arch is the architecture of the host.
	Arch         string
	Registration *registration.Registration
	// WithKey brings along the store's private key, which makes the installer a secret.
	WithKey bool
	// Signer is the public key that signs the store's bundles, as PEM.
	Signer []byte
	// Roots are assertion roots that the host trusts besides Canonical's.
	Roots [][]byte
}

// Mode returns the mode of the files that may hold the store's private key.
func (s *Store) Mode() fs.FileMode {
	if s.WithKey {
		return 0o600
	}
	return 0o644
}

// Files returns the files that tell install.sh about the store.
func (s *Store) Files() []File {
	files := []File{
		{Name: "arch", Mode: 0o644, Content: []byte(s.Arch + "\n")},
		{Name: "proxy.assert", Mode: 0o644, Content: s.Registration.Stream},
		{Name: "settings.yaml", Mode: s.Mode(), Content: encodeSettings(settingsOf(s.Registration, s.WithKey))},
		{Name: "trust/exporter.pem", Mode: 0o644, Content: s.Signer},
	}
	for i, text := range s.Roots {
		files = append(files, File{Name: fmt.Sprintf("trust/roots/%d.assert", i+1), Mode: 0o644, Content: text})
	}
	return files
}
