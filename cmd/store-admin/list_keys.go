package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newListKeys() *cobra.Command {
	var o offlineOptions
	c := &cobra.Command{
		Use:     "keys",
		Short:   "List the keys of a brand on the token",
		Long:    "List the keys of a brand on the token of an air-gapped store, with their SHA3-384. Keys that the\nSnap Store has not registered yet are named on standard error.\n" + storeHelp + cli.ExitHelp,
		Example: "  store-admin list keys\n  store-admin list keys --json | jq -r '.[] | select(.registered | not).name'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runListKeys(c, &o) },
	}
	o.addFlags(c.Flags())
	return c
}

func runListKeys(c *cobra.Command, o *offlineOptions) error {
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	keys, err := s.SigningKeys(c.Context(), s.brand)
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), append([]gateway.SigningKey{}, keys...))
	}
	var rows [][]string
	for _, k := range keys {
		rows = append(rows, []string{k.Name, k.SHA3384})
	}
	if err := printTable(c.OutOrStdout(), []string{"Name", "SHA3-384"}, rows); err != nil {
		return err
	}
	for _, k := range keys {
		if !k.Registered {
			fmt.Fprintf(os.Stderr, "The store has no account-key of %[1]s yet: see 'store-admin export key-request %[1]s'\n", cli.Clean(k.Name))
		}
	}
	return nil
}
