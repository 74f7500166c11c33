package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// withStoreAssertion adds to config the flag that imports a store assertion by hand.
func withStoreAssertion(dir *instance.Dir, config *cobra.Command) *cobra.Command {
	const flag = "import-store-assertion"
	var file string
	config.Flags().StringVar(&file, flag, "", "import the store assertion, with its prerequisites, from a `FILE` (- for standard input)")
	config.Example += "\n  snap-store-proxy config --import-store-assertion proxy.assert"
	others := config.RunE
	config.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case !c.Flags().Changed(flag):
			return others(c, args)
		case len(args) > 0 || c.Flags().NFlag() > 1 && !c.Flags().Changed("data-dir") || c.Flags().NFlag() > 2:
			return cli.Usagef("--%s goes without arguments and other flags", flag)
		}
		return (&reregisterOptions{storeAssertion: file}).run(c.OutOrStdout(), dir)
	}
	return config
}
