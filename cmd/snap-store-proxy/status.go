package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newStatus(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the store",
		Long: `Show the state of the store: where it is, what runs, what it holds, and what should
be seen to. The services are looked for where the settings say that they listen.
It is shown, as far as it can be known, without a database too; then the exit code is 8.`,
		Example: "  snap-store-proxy status\n  snap-store-proxy status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, failed := dir.Health(c.Context(), options())
			if h == nil {
				return failed
			}
			s := &status{h, cli.Version(), warnings(dir, h)}
			if asJSON {
				if err := cli.PrintJSON(c.OutOrStdout(), s); err != nil {
					return err
				}
			} else {
				s.print(c.OutOrStdout())
			}
			return failed
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
