package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newExportToken() *cobra.Command {
	var o serviceOptions
	c := &cobra.Command{
		Use:   "token",
		Short: "Print the login as a token for STORE_ADMIN_TOKEN",
		Long: `Print the login that exports use, as a token for the environment variable
STORE_ADMIN_TOKEN on a machine without a person. The store is asked first whether it
accepts the login. The token is a secret: whoever has it can do what the login can.
` + cli.ExitHelp,
		Example: `  (umask 077; store-admin export token >token)
  STORE_ADMIN_TOKEN=$(cat token) store-admin export store acme-pumps`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runExportToken(c, o) },
	}
	o.addFlags(c.Flags())
	return c
}

func runExportToken(c *cobra.Command, o serviceOptions) error {
	l, session, err := o.findNamedLogin()
	if err != nil {
		return err
	}
	dashboard, err := o.client(l.Dashboard, session)
	if err != nil {
		return err
	}
	if _, err := dashboard.WhoAmI(c.Context()); err != nil {
		return cli.At(atLogin, err)
	}
	token, err := session.Export()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), token)
	return err
}
