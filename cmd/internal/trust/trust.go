// Package trust holds the commands about the signers and the roots that a store trusts.
package trust

import (
	"github.com/spf13/cobra"

	"offlinestore/instance"
)

// New returns the command trust with its own commands.
func New(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Manage the signers whose bundles this store accepts",
		Long:  "Bundles are accepted only from signers whose key was added here. The key comes\nfrom 'store-admin key export' on the exporting host.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAdd(dir), newList(dir), newRemove(dir), newRoot(dir))
	return c
}
