package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
)

func newExport() *cobra.Command {
	var o wantedOptions
	c := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Export from the stores into signed bundles",
		Long: `Export from the stores into signed bundles, for 'snap-store-proxy push-snap' and the other push commands.

FILE is a wanted.yaml, which names snaps, charms, charm bundles, images, validation sets,
models, stores and receivers (docs/wanted.md). Everything in it becomes one bundle, or one for each
receiver. 'store-admin lock' writes a wanted.lock with every revision and digest, and --locked
exports exactly that, without FILE the wanted.lock in this folder.

If a push lacks what an increment has left out, it prints a want code. 'export --want'
makes the bundle that fills the gap, from the cache (docs/carrying.md).
` + cli.ExitHelp,
		Example: `  store-admin export snaps jq
  store-admin export wanted.yaml --export-dir /media/usb
  store-admin export wanted.yaml --locked --for ship-7
  store-admin export --want CODE --single gap.tar`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && !isWantedFile(args[0]) {
				return cobra.NoArgs(c, args)
			}
			return cobra.MaximumNArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case o.code != "" && (len(args) > 0 || o.locked):
				return cli.Usagef("--want makes a bundle of its own: give it without FILE and --locked")
			case o.code != "":
				return runWant(c.Context(), c.OutOrStdout(), &o, c.Flags().Changed)
			case len(args) == 0 && !o.locked:
				return c.Help()
			}
			return o.run(c, args)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringVar(&o.charmhubURL, "charmhub-url", os.Getenv("STORE_ADMIN_CHARMHUB_URL"), "`URL` of Charmhub (default "+upstream.DefaultCharmhubOrigin+")")
	f.BoolVar(&o.locked, "locked", false, "export the revisions and digests in the wanted.lock beside FILE")
	f.StringVar(&o.code, "want", "", "make the bundle that fills the gap of this want `code`, which a push has printed; with --single FILE, and --part-size if need be")
	c.AddCommand(newExportSnaps(), newExportCharms(), newExportBundle(), newExportImages(), newExportAccountKeys(), newExportValidationSets(), newExportModel(), newExportStore(), newExportToken(), newExportKeyRequest())
	return c
}

// isWantedFile reports whether an argument is meant as a file, and not as a command that does not exist.
func isWantedFile(arg string) bool {
	if slices.Contains([]string{".yaml", ".yml", ".lock"}, filepath.Ext(arg)) || filepath.Base(arg) != arg {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular()
}
