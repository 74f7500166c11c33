package main

import (
	"github.com/spf13/cobra"

	"offlinestore/instance"
)

func newTrust(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Manage the signers whose bundles this store accepts",
		Long:  "Bundles are accepted only from signers whose key was added here. The key comes\nfrom 'store-admin key export' on the exporting host.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTrustAdd(dir), newTrustList(dir), newTrustRemove(dir), newTrustRoot(dir))
	return c
}
