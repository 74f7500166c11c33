package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"offlinestore/keyring"
)

// defaultKey is the name of the key that exports sign with.
const defaultKey = "default"

// userDir names the folders of the user, and keysDir the folder of keys within.
const userDir, keysDir = "store-admin", "keys"

// openKeyring opens the keys of the user.
func openKeyring() (*keyring.Ring, error) {
	dir, err := configDir()
	if err != nil {
		return nil, err
	}
	return keyring.Open(filepath.Join(dir, keysDir)), nil
}

// configDir returns the user's folder for keys and notes: $STORE_ADMIN_CONFIG_DIR, else the folder of the snap, else the folder of the
// desktop standard. On Windows, it is the folder that does not roam to the other computers of the user, beside the cache.
func configDir() (string, error) {
	for _, name := range []string{"STORE_ADMIN_CONFIG_DIR", "SNAP_USER_COMMON"} {
		if dir := os.Getenv(name); dir != "" {
			return dir, nil
		}
	}
	dir, err := os.UserConfigDir()
	if runtime.GOOS == "windows" && !isDir(filepath.Join(dir, userDir, keysDir)) { // earlier versions kept keys there
		dir, err = os.UserCacheDir()
	}
	if err != nil {
		return "", fmt.Errorf("find the folder for keys: %w (or set STORE_ADMIN_CONFIG_DIR)", err)
	}
	return filepath.Join(dir, userDir), nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
