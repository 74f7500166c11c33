package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newCreate() *cobra.Command {
	c := &cobra.Command{
		Use:   "create",
		Short: "Create keys, models and serial policies in an air-gapped store",
		Long: `Create what an air-gapped store needs to give serials to the devices of a brand: a key
that signs, the models, and for each model the policy that names its key. The login needs
the role model-administrator.
` + storeHelp + cli.ExitHelp,
		Example: `  store-admin create key serials
  store-admin create model pump-3000 --generate-api-key
  store-admin create serial-policy --model pump-3000 --key serials`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCreateKey(), newCreateModel(), newCreateSerialPolicy(), newCreateRemodel())
	return c
}
