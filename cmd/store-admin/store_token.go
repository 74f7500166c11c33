package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/keyring"
	"offlinestore/macaroons"
)

// tokenFile returns the file that gets the token of a store's administrator, beside the bundle. The bundle may be a folder without a name of
// its own, such as the current one.
func (out *output) tokenFile(bundle string) string {
	if abs, err := filepath.Abs(bundle); err == nil && out.o.outputDir != "" {
		bundle = abs
	}
	return filepath.Clean(bundle) + ".macaroon"
}

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
	fmt.Fprintf(out.w, "Store data exported to: %s\nAdmin token exported to: %s\nAdmin token usage:\n    export STORE_ADMIN_TOKEN=$(cat %s)\n", file, token, shellQuote(token))
}

// plainPath matches the paths that a shell reads as they are.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+,:@%-]+$`)

// shellQuote returns a path as one word of a shell.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if plainPath.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// checkToken returns an error if the token can't be written beside the bundle. Only an earlier export's token beside the same layout is
// replaced.
func (out *output) checkToken(bundle string) error {
	if out.o.storeID == "" {
		return nil
	}
	file, isLayout := out.tokenFile(bundle), out.o.outputDir != ""
	if isLayout && isTop(bundle) {
		return cli.Usagef("--output-dir %s: there is no place beside it for the token: name a folder in it", bundle)
	}
	if info, err := os.Lstat(file); err == nil && !(isLayout && holdsToken(file, info)) {
		return fmt.Errorf("%s exists already; an export never replaces a file", file)
	}
	if !isLayout {
		return nil
	}
	probe, err := os.CreateTemp(filepath.Dir(file), ".store-admin-")
	if err != nil {
		return fmt.Errorf("the token can't be written beside the layout: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// isTop reports whether a folder is in no other one.
func isTop(dir string) bool {
	abs, err := filepath.Abs(dir)
	return err == nil && filepath.Dir(abs) == abs
}

// maxTokenFile bounds a file that holds a token, in bytes.
const maxTokenFile = 1 << 20

// holdsToken reports whether a file holds a token, and nothing else.
func holdsToken(file string, info os.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() > maxTokenFile {
		return false
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	_, err = macaroons.ParseCredentials(string(text))
	return err == nil
}
