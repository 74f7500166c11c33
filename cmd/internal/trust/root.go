package trust

import (
	"github.com/spf13/cobra"

	"offlinestore/instance"
)

func newRoot(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "root",
		Short: "Trust further roots of assertions, for tests and staging",
		Long:  "Assertions are verified up to Canonical's root. A further root lets its owner\nsign any snap: stock devices will still refuse them.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRootAdd(dir), newRootList(dir), newRootRemove(dir))
	return c
}

func newRootRemove(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "remove ROOT",
		Short:   "Stop trusting a further root; earlier imports stay",
		Example: "  snap-store-proxy trust root remove 3c0a51be",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return removeNamed(c.OutOrStdout(), dir, args[0], asJSON, instance.Trust.RemoveRoot)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
