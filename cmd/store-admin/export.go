package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newExport() *cobra.Command {
	var want wantOptions
	c := &cobra.Command{
		Use:   "export",
		Short: "Export from the stores into signed bundles",
		Long: `Export from the stores into signed bundles, for 'snap-store-proxy push-snap' and the other push commands.

If a push lacks what an increment has left out, it prints a want code. 'export --want'
makes the bundle that fills the gap, from the cache (docs/carrying.md).
` + cli.ExitHelp,
		Example: "  store-admin export snaps jq\n  store-admin export bundle cos-lite\n  store-admin export --want CODE --single gap.tar",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if want.code != "" {
				return runWant(c.Context(), c.OutOrStdout(), &want)
			}
			return c.Help()
		},
	}
	want.addFlags(c)
	c.AddCommand(newExportSnaps(), newExportCharms(), newExportBundle(), newExportAccountKeys(), newExportValidationSets(), newExportModel(), newExportStore(), newExportToken(), newExportKeyRequest())
	return c
}
