package trust

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newRootList(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the further roots",
		Example: "  snap-store-proxy trust root list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dir.EnterExisting(); err != nil {
				return err
			}
			roots, err := dir.Trust().Roots()
			if err != nil {
				return err
			}
			rows := []instance.RootAccounts{}
			for _, r := range roots {
				rows = append(rows, instance.NewRootAccounts(r.ID, r.Assertions))
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), rows)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Root\tAccounts")
			for _, r := range rows {
				fmt.Fprintf(w, "%.16s\t%s\n", r.Root, cli.Clean(strings.Join(r.Accounts, ", ")))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
