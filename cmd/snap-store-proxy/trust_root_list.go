package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newRootList(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
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
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Root\tAccounts")
			for _, r := range roots {
				fmt.Fprintf(w, "%.16s\t%s\n", r.ID, rootNames(r.Assertions))
			}
			return w.Flush()
		},
	}
}

// rootNames returns the accounts of a root.
func rootNames(as []*assertion.Assertion) string {
	var names []string
	for _, a := range as {
		names = append(names, cli.Clean(a.HeaderString("account-id")))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
