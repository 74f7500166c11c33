package overrides

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/outside"
	"offlinestore/edge/override"
	"offlinestore/instance"
	"offlinestore/server/admin"
	"offlinestore/server/admin/api"
)

// options are the flags of the commands about overrides.
type options struct {
	*Program
	remote string
	json   bool
}

func (o *options) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.remote, "remote", "", "`URL` of a store's administration to use from here, after 'store-admin login --offline URL EMAIL'")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func (o *options) list(ctx context.Context, name string) (list []api.Override, err error) {
	if o.remote != "" {
		c, err := api.Open(o.remote)
		if err != nil {
			return nil, err
		}
		return c.Overrides(ctx, name)
	}
	err = o.Read(ctx, o.Dir, func(in *instance.Instance) error {
		k, err := keeper(in)
		if err != nil {
			return err
		}
		found, err := k.Overrides(ctx, name)
		list = admin.NewOverridesAnswer(found).Overrides
		return err
	})
	return list, err
}

func (o *options) change(ctx context.Context, w io.Writer, changes []catalog.OverrideChange) error {
	if o.remote != "" {
		c, err := api.Open(o.remote)
		if err != nil {
			return err
		}
		done, err := c.SetOverrides(ctx, admin.NewOverrideRequests(changes))
		if err != nil {
			return err
		}
		return o.print(w, done, api.Override.Setting)
	}
	by := instance.Operator() // before root's rights are given up
	return o.Open(ctx, o.Dir, func(in *instance.Instance) error {
		k, err := keeper(in)
		if err != nil {
			return err
		}
		done, err := k.SetOverrides(ctx, by, changes)
		if err != nil {
			return err
		}
		return o.print(w, admin.NewOverridesAnswer(done).Overrides, api.Override.Setting)
	})
}

// keeper returns the overrides of the store's mode.
func keeper(in *instance.Instance) (admin.Overrides, error) {
	if in.Settings.Values().Airgap {
		return in.Catalog, nil
	}
	client, err := outside.Client(in.Dir, in.Settings)
	if err != nil {
		return nil, err
	}
	return &override.Keeper{DB: in.Catalog, Client: client, Warn: func(err error) { cli.Note("Warning: %v\n", err) }}, nil
}

func (o *options) print(w io.Writer, list []api.Override, line func(api.Override) string) error {
	if o.json {
		return cli.PrintJSON(w, append([]api.Override{}, list...))
	}
	for _, v := range list {
		if _, err := fmt.Fprintln(w, cli.Clean(line(v))); err != nil {
			return err
		}
	}
	return nil
}
