// Package instance knows an installed store as a whole: the data folder with all its files, the settings, the database, the blobs
// and the trust that belong together, and the work that needs several of them.
//
// A Dir is the data folder. Open makes an Instance of it. Each command of snap-store-proxy works on one of the two.
package instance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/instance/backup"
	"offlinestore/instance/settings"
)

// The names of the files in the data folder.
const (
	settingsFile       = "settings.yaml"
	storeAssertionFile = "store.assert"
	caCertsFile        = "ca-certs.pem"
	trustFolder        = "trust"
	blobsFolder        = "blobs"
	clusterFolder      = "postgresql"
	// restoringFolder keeps the settings of a restore until everything else is in its place. While it exists, the files beside it
	// belong to an interrupted restore.
	restoringFolder = ".restoring"
)

// ErrHalfRestored means that a restore was interrupted, so that the data folder holds only a part of a store.
var ErrHalfRestored = errors.New("a restore was interrupted here")

// HalfRestoredError names the folder that an interrupted restore has left. It is an ErrHalfRestored.
type HalfRestoredError struct {
	Path string
	// Aside are the folders with the content that the data folder had before, oldest first.
	Aside []string
}

func (e *HalfRestoredError) Error() string { return ErrHalfRestored.Error() }

func (e *HalfRestoredError) Unwrap() error { return ErrHalfRestored }

// Dir is the path of a store's data folder.
type Dir string

// DefaultDir returns the data folder that the original product uses inside a snap. Elsewhere it returns the system's folder for
// root. For others, it returns the folder of a store of their own, or the system's if only that has a store.
func DefaultDir() Dir {
	const name = "snap-store-proxy"
	if dir := os.Getenv("SNAP_COMMON"); dir != "" {
		return Dir(dir)
	}
	system := Dir(filepath.Join("/var/lib", name))
	own := ownDir(name)
	if os.Geteuid() == 0 || !exists(own.SettingsPath()) && exists(string(system)) {
		return system
	}
	return own
}

// ownDir returns the data folder for a user's own store.
func ownDir(name string) Dir {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return Dir(filepath.Join(dir, name))
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return Dir(name)
	}
	return Dir(filepath.Join(home, ".local", "share", name))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// path returns the path of a file in the data folder.
func (d Dir) path(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}

// SettingsPath returns the path of the file with the proxy.* settings.
func (d Dir) SettingsPath() string { return d.path(settingsFile) }

// StoreAssertionPath returns the path of the file with the store assertion. The assertion is public.
func (d Dir) StoreAssertionPath() string { return d.path(storeAssertionFile) }

// CACertsPath returns the path of the file with the only authorities to believe, which need not exist.
func (d Dir) CACertsPath() string { return d.path(caCertsFile) }

// Trust returns the trust of the store.
func (d Dir) Trust() Trust { return Trust{d.path(trustFolder)} }

// Settings reads the settings. They need not exist yet. Enter must come first.
func (d Dir) Settings() (*settings.Settings, error) {
	s, err := settings.Open(d.SettingsPath())
	if err == nil {
		s.Record(d.recordSettings)
	}
	return s, err
}

// validateWhole refuses a data folder that an interrupted restore has left.
func (d Dir) validateWhole() error {
	path := d.path(restoringFolder)
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	// The pattern has no error. A folder that cannot be read is only left out of the message.
	aside, _ := filepath.Glob(d.path(backup.Aside + "*"))
	return &HalfRestoredError{path, aside}
}

// NoStoreError means that there is no store in a data folder.
type NoStoreError struct{ Dir string }

func (e *NoStoreError) Error() string { return "there is no store in " + e.Dir }

// ErrNoDatabase means that a store has no private cluster yet.
var ErrNoDatabase = errors.New("this store has no database yet")

// UnreachableError means that the owner of the data folder cannot enter it.
type UnreachableError struct {
	Dir   string
	Owner int
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("its owner, user %d, cannot enter the data folder %s", e.Owner, e.Dir)
}
