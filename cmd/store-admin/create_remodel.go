package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

// remodelOptions name an entry of the allow-list of remodels.
type remodelOptions struct{ from, to, serial, description string }

func (o *remodelOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.from, "from", "", "`model` that the devices have")
	f.StringVar(&o.to, "to", "", "`model` that they become")
	f.StringVar(&o.serial, "serial", "", "`serial` of one device (default: all devices of the model)")
}

// entry returns the entry, or an error if a model is missing.
func (o *remodelOptions) entry() (gateway.RemodelEntry, error) {
	if o.from == "" || o.to == "" {
		return gateway.RemodelEntry{}, cli.Usagef("name both models: --from MODEL --to MODEL")
	}
	e := gateway.RemodelEntry{FromModel: o.from, ToModel: o.to, Description: o.description}
	if o.serial != "" {
		e.FromSerial = &o.serial
	}
	return e, nil
}

func newCreateRemodel() *cobra.Command {
	var o offlineOptions
	var r remodelOptions
	c := &cobra.Command{
		Use:   "remodel",
		Short: "Allow devices of a model to become another model",
		Long: `Allow all devices of a model, or one of them, to become another model of the brand ('snap
remodel'). A device that is not on this allow-list gets no serial of the other model.
` + storeHelp + cli.ExitHelp,
		Example: `  store-admin create remodel --from pump-3000 --to pump-4000
  store-admin create remodel --from pump-3000 --to pump-4000 --serial A1234 --description 'in the lab'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runCreateRemodel(c, &o, &r) },
	}
	o.addFlags(c.Flags())
	r.addFlags(c.Flags())
	c.Flags().StringVar(&r.description, "description", "", "`text` for people")
	return c
}

func runCreateRemodel(c *cobra.Command, o *offlineOptions, r *remodelOptions) error {
	e, err := r.entry()
	if err != nil {
		return err
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	list, err := s.AllowRemodels(c.Context(), s.brand, []gateway.RemodelEntry{e})
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), list)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s may become '%s'.\n", cli.Clean(describeDevices(e)), cli.Clean(e.ToModel))
	return err
}

// describeDevices returns the devices of an entry.
func describeDevices(e gateway.RemodelEntry) string {
	if e.FromSerial != nil {
		return fmt.Sprintf("The device '%s' of model '%s'", *e.FromSerial, e.FromModel)
	}
	return fmt.Sprintf("The devices of model '%s'", cmp.Or(e.FromModel, "?"))
}
