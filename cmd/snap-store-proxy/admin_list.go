package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newListAdmins(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list-admins",
		Short:   "List the admins, who may administer this store remotely",
		Example: "  snap-store-proxy list-admins",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withExisting(c.Context(), dir, func(in *instance.Instance) error {
				list, err := in.Catalog.Admins(c.Context())
				if err != nil {
					return err
				}
				return printAdmins(c.OutOrStdout(), overview.Admins(list), asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAdmins(w io.Writer, rows []overview.Admin, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Email\tAdded\tRoles\tLogin")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", cli.Clean(r.Email), r.AddedAt.Format(time.RFC3339), strings.Join(r.Roles, ","), r.Login)
	}
	return t.Flush()
}
