package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newExport() *cobra.Command {
	c := &cobra.Command{
		Use:     "export",
		Short:   "Export from the stores into signed bundles",
		Long:    "Export from the stores into signed bundles, for 'snap-store-proxy push-snap' and the other push commands.\n" + cli.ExitHelp,
		Example: "  store-admin export snaps jq\n  store-admin export bundle cos-lite",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newExportSnaps(), newExportCharms(), newExportBundle(), newExportAccountKeys(), newExportValidationSets(), newExportModel(), newExportStore(), newExportToken(), newExportKeyRequest())
	return c
}
