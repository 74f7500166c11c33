package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/offline"
	"offlinestore/instance"
)

func newEnableAirgapMode(dir *instance.Dir) *cobra.Command {
	var password string
	o := offline.Options{Open: withInstance, Read: withExisting}
	c := &cobra.Command{
		Use:   "enable-airgap-mode",
		Short: "Prepare a new store, or take an online one offline with the content of its cache",
		Long: `Prepare a new store: connect to the database, or make the private cluster, create
the tables or bring them up to date, and make missing secrets. You can run the
command again at any time; it does not change existing content.

An online store keeps what its devices were given and its cache holds: the revisions are
verified up to the root and imported, with their channels and overrides, all of them at
once and without a second copy. Then the store connects to nothing any more. A running
server changes its mode by itself. --plan changes nothing, and prints what devices will
still get, and what they will lose.

'config proxy.airgap=false' makes the store online again. Everything that was imported stays.`,
		Example: `  snap-store-proxy config proxy.db.connection=postgresql://store@db.example.internal/store
  snap-store-proxy enable-airgap-mode --plan
  snap-store-proxy enable-airgap-mode`,
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
			return o.Run(c.Context(), c.OutOrStdout(), dir)
		},
	}
	c.Flags().BoolVar(&o.Plan, "plan", false, "print what devices will still get, and change nothing")
	c.Flags().BoolVar(&o.JSON, "json", false, "print JSON")
	// The beta of the original asked for a password, and scripts still give it, with or without a value.
	c.Flags().StringVar(&password, "password", "", "ignored")
	c.Flags().Lookup("password").NoOptDefVal = " "
	_ = c.Flags().MarkHidden("password") // the flag exists
	return c
}
