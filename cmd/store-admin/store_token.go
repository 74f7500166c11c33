package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/exporter"
	"offlinestore/keyring"
)

// tokenFile returns the file that gets the token of a store's administrator, beside the bundle, which may be a folder.
func (out *output) tokenFile(bundle string) string { return filepath.Clean(bundle) + ".macaroon" }

// writeAll writes the bundles, and the token if the export is about a store. The token is never part of a bundle.
func (out *output) writeAll(ctx context.Context, p *exporter.Plan) error {
	if out.o.storeID == "" {
		return out.write(ctx, p)
	}
	if !out.o.json {
		fmt.Fprintln(out.w, "Creating the export archive...")
	}
	if err := out.write(ctx, p); err != nil {
		return err
	}
	token, err := out.o.session.Export()
	if err != nil {
		return err
	}
	if err := keyring.WritePrivate(out.tokenFile(out.files[0].File), []byte(token+"\n")); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return nil
}

// reportStore prints the result of an export of a store, in the original's words.
func (out *output) reportStore() {
	file := out.files[0].File
	token := out.tokenFile(file)
	fmt.Fprintf(out.w, "Store data exported to: %s\nAdmin token exported to: %s\nAdmin token usage:\n    export STORE_ADMIN_TOKEN=$(cat %s)\n", file, token, token)
}

// checkToken returns an error if the file for the token exists already.
func (out *output) checkToken(bundle string) error {
	if out.o.storeID == "" {
		return nil
	}
	if _, err := os.Lstat(out.tokenFile(bundle)); err == nil && out.o.outputDir == "" {
		return fmt.Errorf("%s exists already; an export never replaces a file", out.tokenFile(bundle))
	}
	return nil
}
