package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newListSerialPolicies() *cobra.Command {
	var o offlineOptions
	c := &cobra.Command{
		Use:   "serial-policies [MODEL]",
		Short: "List the serial policies of a model, or of all models",
		Long: `List which keys signed the serials of a model, or of all models of a brand, the active policy
first.
` + storeHelp + cli.ExitHelp,
		Example: "  store-admin list serial-policies\n  store-admin list serial-policies pump-3000 --json",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runListSerialPolicies(c, &o, args) },
	}
	o.addFlags(c.Flags())
	return c
}

func runListSerialPolicies(c *cobra.Command, o *offlineOptions, models []string) error {
	for _, m := range models {
		if err := validatePart("model", m); err != nil {
			return err
		}
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	if len(models) == 0 {
		all, err := s.Models(c.Context(), s.brand)
		if err != nil {
			return err
		}
		for _, m := range all {
			models = append(models, m.Name)
		}
	}
	result, rows := []gateway.SerialPolicy{}, [][]string{}
	for _, model := range models {
		policies, err := s.SerialPolicies(c.Context(), s.brand, model)
		if err != nil {
			return err
		}
		result = append(result, policies...)
		for i, p := range policies {
			state := ""
			if i == 0 {
				state = "active"
			}
			rows = append(rows, []string{p.ModelName, strconv.Itoa(p.Revision), p.SigningKey, p.CreatedAt.UTC().Format(time.RFC3339), state})
		}
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), result)
	}
	return printTable(c.OutOrStdout(), []string{"Model", "Revision", "SHA3-384", "Created", "State"}, rows)
}
