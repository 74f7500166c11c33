package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// adminRow is the printed form of an admin.
type adminRow struct {
	Email   string    `json:"email"`
	AddedAt time.Time `json:"added-at"`
	Login   string    `json:"login"`
}

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
				return printAdmins(c.OutOrStdout(), list, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAdmins(w io.Writer, list []catalog.Admin, asJSON bool) error {
	rows := []adminRow{}
	for _, a := range list {
		login := "password"
		switch {
		case a.Secret == "":
			login = "token, used"
		case a.Once && a.ExpiresAt != nil:
			login = "token, until " + a.ExpiresAt.UTC().Format(time.RFC3339)
		}
		rows = append(rows, adminRow{a.Email, a.AddedAt.UTC(), login})
	}
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Email\tAdded\tLogin")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\n", cli.Clean(r.Email), r.AddedAt.Format(time.RFC3339), r.Login)
	}
	return t.Flush()
}
