package trust

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newRootAdd(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a root: FILE holds its account and account-key assertions",
		Example: "  snap-store-proxy trust root add staging-root.assert",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := cli.ReadFile(args[0], instance.MaxTrustFile)
			if err != nil {
				return err
			}
			as, err := instance.ParseRoot(text)
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err := dir.Enter(); err != nil {
				return err
			}
			id, err := dir.Trust().AddRoot(text)
			if err != nil {
				return err
			}
			root := instance.NewRootAccounts(id, as)
			names := cli.Clean(strings.Join(root.Accounts, ", "))
			fmt.Fprintf(c.ErrOrStderr(), "Warning: an owner of the keys of %s can now sign any snap for this store.\n", names)
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), root)
			}
			fmt.Fprintf(c.OutOrStdout(), "Root %s is trusted from now on.\n", names)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
