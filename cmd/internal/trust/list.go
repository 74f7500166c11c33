package trust

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newList(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the trusted signers",
		Example: "  snap-store-proxy trust list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dir.EnterExisting(); err != nil {
				return err
			}
			keys, err := dir.Trust().Signers()
			if err != nil {
				return err
			}
			signers, err := dir.Trust().Describe(keys...)
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), signers)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Fingerprint\tAlgorithm\tName")
			for _, s := range signers {
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Fingerprint, s.Algorithm, cli.Clean(s.Name))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
