package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

func newEnableAirgapMode(dir *instance.Dir) *cobra.Command {
	var password string
	var asJSON bool
	c := &cobra.Command{
		Use:   "enable-airgap-mode",
		Short: "Prepare a new store: its database and its secrets",
		Long: `Prepare a new store: connect to the database, or make the private cluster, create
the tables or bring them up to date, and make missing secrets. You can run the
command again at any time; it does not change existing content. From then on the
store serves the things that were imported, and never connects to the internet.`,
		Example: "  snap-store-proxy config proxy.db.connection=postgresql://store@db.example.internal/store\n  snap-store-proxy enable-airgap-mode",
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("password") {
				return cobra.MaximumNArgs(1)(c, args)
			}
			return cobra.NoArgs(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("password") {
				fmt.Fprintln(c.ErrOrStderr(), "Warning: --password is left out: the air-gapped mode needs no password")
			}
			return enableAirgapMode(c.Context(), c.OutOrStdout(), dir, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	// The beta of the original asked for a password, and scripts still give it, with or without a value.
	c.Flags().StringVar(&password, "password", "", "ignored")
	c.Flags().Lookup("password").NoOptDefVal = " "
	_ = c.Flags().MarkHidden("password") // the flag exists
	return c
}

// enableAirgapMode takes the steps that can fail first, so that a store without its database is not called ready.
func enableAirgapMode(ctx context.Context, w io.Writer, dir *instance.Dir, asJSON bool) error {
	return withInstance(ctx, dir, func(in *instance.Instance) error {
		made, err := in.EnableAirgapMode()
		if err != nil {
			return err
		}
		if asJSON {
			return cli.PrintJSON(w, map[string]any{"database": in.DatabaseName(), "made": append([]string{}, made...), "air-gapped": true})
		}
		fmt.Fprintf(w, "Store DB: ok (%s)\n", in.DatabaseName())
		if len(made) > 0 {
			fmt.Fprintf(w, "Made %s\n", strings.Join(made, ", "))
		}
		fmt.Fprintln(w, "Store is in air-gapped mode")
		if in.Settings.Values().Domain == "" {
			fmt.Fprintf(w, "Set the name that devices know this host by: snap-store-proxy config %s=NAME\n", settings.Domain)
		}
		return nil
	})
}
