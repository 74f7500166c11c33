package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List keys, models, serial policies and serials of an air-gapped store",
		Long: `List what an air-gapped store knows of the models of a brand. Each role may.
` + storeHelp + cli.ExitHelp,
		Example: "  store-admin list keys\n  store-admin list models\n  store-admin list serial-log pump-3000",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newListKeys(), newListModels(), newListSerialPolicies(), newListSerialLog(), newListRemodels())
	return c
}
