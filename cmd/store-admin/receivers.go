package main

import (
	"context"
	"path/filepath"

	"offlinestore/audit"
	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
	"offlinestore/receiver"
)

// receiversDir is the folder of receivers in the folder of the user's configuration.
const receiversDir = "receivers"

// openReceivers opens the exporter's notes about receivers.
func openReceivers() (*receiver.Directory, error) {
	dir, err := configDir()
	return receiver.Open(filepath.Join(dir, receiversDir)), err
}

// completeReceivers returns the names of receivers.
func completeReceivers(context.Context, []string, string) []string {
	d, err := openReceivers()
	if err != nil {
		return nil
	}
	names, err := d.Names()
	if err != nil {
		return nil
	}
	return names
}

// readReceiverKey reads the public key of a site's store, and returns it as PEM.
func readReceiverKey(file string) (string, error) {
	text, err := cli.ReadFile(file, keyring.MaxKeySize)
	if err != nil {
		return "", err
	}
	key, err := audit.ParsePublicKey(text)
	if err != nil {
		return "", cli.Usagef("%s: %w", file, err)
	}
	return string(key.PEM()), nil
}
