package main

import (
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/keyring"
)

// defaultKey is the name of the key that exports sign with.
const defaultKey = "default"

// openKeyring opens the keys of the user: in $STORE_ADMIN_CONFIG_DIR, else in the folder of the snap, else in the folder of the
// desktop standard.
func openKeyring() (*keyring.Ring, error) {
	for _, name := range []string{"STORE_ADMIN_CONFIG_DIR", "SNAP_USER_COMMON"} {
		if dir := os.Getenv(name); dir != "" {
			return keyring.Open(filepath.Join(dir, "keys")), nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder for keys: %w (or set STORE_ADMIN_CONFIG_DIR)", err)
	}
	return keyring.Open(filepath.Join(dir, "store-admin", "keys")), nil
}
