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
			if asJSON {
				rows := []trustedRoot{}
				for _, r := range roots {
					rows = append(rows, trustedRoot{r.ID, rootAccounts(r.Assertions)})
				}
				return cli.PrintJSON(c.OutOrStdout(), rows)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Root\tAccounts")
			for _, r := range roots {
				fmt.Fprintf(w, "%.16s\t%s\n", r.ID, rootNames(r.Assertions))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// trustedRoot is the printed form of a root.
type trustedRoot struct {
	Root     string   `json:"root"`
	Accounts []string `json:"accounts"`
}

// rootAccounts returns the accounts of a root.
func rootAccounts(as []*assertion.Assertion) []string {
	names := []string{}
	for _, a := range as {
		names = append(names, a.HeaderString("account-id"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rootNames returns the accounts of a root for people.
func rootNames(as []*assertion.Assertion) string {
	return cli.Clean(strings.Join(rootAccounts(as), ", "))
}
