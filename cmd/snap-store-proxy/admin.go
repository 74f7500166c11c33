package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newAdmins(dir *instance.Dir) []*cobra.Command {
	return []*cobra.Command{newAddAdmin(dir), newRemoveAdmin(dir), newListAdmins(dir)}
}

func newRemoveAdmin(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:   "remove-admin EMAIL",
		Short: "Remove an admin of this store, and end all of the admin's logins",
		Long: `Remove an admin of this store, and end all of the admin's logins. For the admin that
push-store --store-admin-token has added, give the ID of the account.`,
		Example: "  snap-store-proxy remove-admin jo@example.internal",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			email := adminName(args[0])
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				if err := in.RemoveAdmin(c.Context(), email); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s may no longer administer this store.\n", cli.Clean(email))
				return err
			})
		},
	}
}
