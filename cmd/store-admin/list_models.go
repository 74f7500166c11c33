package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newListModels() *cobra.Command {
	var o offlineOptions
	c := &cobra.Command{
		Use:     "models",
		Short:   "List the models of a brand",
		Long:    "List the models of a brand, with their API keys, and the keys that sign their serials. API\nkeys are secrets, which only model administrators see.\n" + storeHelp + cli.ExitHelp,
		Example: "  store-admin list models\n  store-admin list models --json | jq -r '.[].name'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runListModels(c, &o) },
	}
	o.addFlags(c.Flags())
	return c
}

func runListModels(c *cobra.Command, o *offlineOptions) error {
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	models, err := s.Models(c.Context(), s.brand)
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), append([]gateway.Model{}, models...))
	}
	var rows [][]string
	for _, m := range models {
		key := orEmpty(m.APIKey)
		if key == "" && m.APIKeySet {
			key = "(hidden)"
		}
		rows = append(rows, []string{m.Name, key, orEmpty(m.ActiveSigningKey)})
	}
	return printTable(c.OutOrStdout(), []string{"Name", "API key", "Active serial signing key"}, rows)
}
