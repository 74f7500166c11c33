package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newUpdate() *cobra.Command {
	c := &cobra.Command{
		Use:     "update",
		Short:   "Change models and remodels in an air-gapped store",
		Long:    "Change what 'store-admin create' has created in an air-gapped store.\n" + cli.ExitHelp,
		Example: "  store-admin update model pump-3000 --generate-api-key",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newUpdateModel(), newUpdateRemodel())
	return c
}

func newUpdateRemodel() *cobra.Command {
	var o offlineOptions
	var r remodelOptions
	c := &cobra.Command{
		Use:     "remodel",
		Short:   "Change the description of an entry of the allow-list of remodels",
		Long:    "Change the description of an entry of the allow-list of remodels.\n" + storeHelp + cli.ExitHelp,
		Example: "  store-admin update remodel --from pump-3000 --to pump-4000 --description 'since May'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runUpdateRemodel(c, &o, &r) },
	}
	o.addFlags(c.Flags())
	r.addFlags(c.Flags())
	c.Flags().StringVar(&r.description, "description", "", "`text` for people")
	return c
}

func runUpdateRemodel(c *cobra.Command, o *offlineOptions, r *remodelOptions) error {
	e, err := r.entry()
	if err != nil {
		return err
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	list, err := s.UpdateRemodels(c.Context(), s.brand, []gateway.RemodelEntry{e})
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), list)
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), "Remodel updated.")
	return err
}

func newUpdateModel() *cobra.Command {
	var o offlineOptions
	var key apiKeyOptions
	c := &cobra.Command{
		Use:   "model NAME",
		Short: "Change the API key of a model",
		Long: `Change the API key of a model, from now on. Devices that have their serial keep it.
` + apiKeyHelp + storeHelp + cli.ExitHelp,
		Example: "  store-admin update model pump-3000 --generate-api-key\n  store-admin update model pump-3000 --no-api-key",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := key.validate(c.Flags()); err != nil {
				return err
			}
			return runUpdateModel(c, &o, &key, args[0])
		},
	}
	o.addFlags(c.Flags())
	key.addFlags(c.Flags())
	return c
}

func runUpdateModel(c *cobra.Command, o *offlineOptions, k *apiKeyOptions, name string) error {
	return k.run(c, o, name, "updated", func(s *brandStore, key *string) (*gateway.Model, error) {
		return s.UpdateModel(c.Context(), s.brand, name, key)
	})
}
