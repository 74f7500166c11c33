package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newListRemodels() *cobra.Command {
	var o offlineOptions
	var q gateway.RemodelQuery
	c := &cobra.Command{
		Use:     "remodels",
		Short:   "List which devices may become another model",
		Long:    "List the allow-list of remodels: which devices of a model may become another model of the\nbrand.\n" + storeHelp + cli.ExitHelp,
		Example: "  store-admin list remodels\n  store-admin list remodels --from pump-3000 --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runListRemodels(c, &o, q) },
	}
	o.addFlags(c.Flags())
	c.Flags().StringVar(&q.FromModel, "from", "", "only from this `model`")
	c.Flags().StringVar(&q.ToModel, "to", "", "only to this `model`")
	return c
}

func runListRemodels(c *cobra.Command, o *offlineOptions, q gateway.RemodelQuery) error {
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	list := []gateway.Remodel{}
	for {
		page, err := s.RemodelAllowlist(c.Context(), s.brand, q)
		if err != nil {
			return err
		}
		list = append(list, page.Allowlist...)
		next := orEmpty(page.NextCursor)
		if next == "" {
			break
		}
		if next == q.Cursor {
			return fmt.Errorf("the store's allow-list does not end: it leads to the same page again")
		}
		q.Cursor = next
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), list)
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{r.FromModel, r.ToModel, orEmpty(r.FromSerial), r.Description})
	}
	return printTable(c.OutOrStdout(), []string{"From", "To", "Serial", "Description"}, rows)
}
