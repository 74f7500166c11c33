package main

import (
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/keyring"
)

// defaultKey is the name of the key that exports sign with.
const defaultKey = "default"

// openKeyring opens the keys of the user.
func openKeyring() (*keyring.Ring, error) {
	dir, err := configDir()
	if err != nil {
		return nil, err
	}
	return keyring.Open(filepath.Join(dir, "keys")), nil
}

// configDir returns the user's folder for keys and notes: $STORE_ADMIN_CONFIG_DIR, else the folder of the snap, else the folder of the
// desktop standard.
func configDir() (string, error) {
	for _, name := range []string{"STORE_ADMIN_CONFIG_DIR", "SNAP_USER_COMMON"} {
		if dir := os.Getenv(name); dir != "" {
			return dir, nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for keys: %w (or set STORE_ADMIN_CONFIG_DIR)", err)
	}
	return filepath.Join(dir, "store-admin"), nil
}
