package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"offlinestore/blob"
)

// maxMemory bounds the file of an offlineMemory, in bytes.
const maxMemory = 1 << 20

// offlineMemory holds choices of earlier commands about air-gapped stores. It is a file beside the logins, without secrets.
type offlineMemory struct {
	// Last is the URL of the store of the newest login.
	Last string `json:"last"`
	// Brands maps the URL of a store to the account ID of the brand that was named last.
	Brands map[string]string `json:"brands"`
}

func memoryPath() (string, error) {
	dir, err := configDir()
	return filepath.Join(dir, "air-gapped-stores.json"), err
}

// readMemory returns the memory of earlier commands. A damaged file holds nothing.
func readMemory() (*offlineMemory, error) {
	path, err := memoryPath()
	if err != nil {
		return nil, err
	}
	m := offlineMemory{}
	text, err := blob.ReadFile(path, maxMemory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the last store: %w", err)
	}
	if err != nil || json.Unmarshal(text, &m) != nil {
		m = offlineMemory{}
	}
	if m.Brands == nil {
		m.Brands = make(map[string]string)
	}
	return &m, nil
}

// remember changes the memory for later commands.
func remember(change func(*offlineMemory)) error {
	m, err := readMemory()
	if err != nil {
		return err
	}
	change(m)
	path, err := memoryPath()
	if err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := blob.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("remember the store: %w", err)
	}
	if err := blob.WriteFile(path, append(text, '\n'), blob.WriteOptions{Mode: 0o600}); err != nil {
		return fmt.Errorf("remember the store: %w", err)
	}
	return nil
}
