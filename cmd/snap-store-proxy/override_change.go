package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server/admin"
	"offlinestore/server/admin/api"
)

// overrideOptions are the flags of the commands about overrides.
type overrideOptions struct {
	dir    *instance.Dir
	remote string
	json   bool
}

func (o *overrideOptions) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.remote, "remote", "", "`URL` of a store's administration to use from here, after 'store-admin login --offline URL EMAIL'")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func (o *overrideOptions) list(ctx context.Context, name string) (list []api.Override, err error) {
	if o.remote != "" {
		c, err := api.Open(o.remote)
		if err != nil {
			return nil, err
		}
		return c.Overrides(ctx, name)
	}
	err = withExisting(ctx, o.dir, func(in *instance.Instance) error {
		found, err := in.Catalog.Overrides(ctx, name)
		list = admin.NewOverridesAnswer(found).Overrides
		return err
	})
	return list, err
}

func (o *overrideOptions) change(ctx context.Context, w io.Writer, changes []catalog.OverrideChange) error {
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
	return withInstance(ctx, o.dir, func(in *instance.Instance) error {
		done, err := in.Catalog.SetOverrides(ctx, by, changes)
		if err != nil {
			return err
		}
		return o.print(w, admin.NewOverridesAnswer(done).Overrides, api.Override.Setting)
	})
}

func (o *overrideOptions) print(w io.Writer, list []api.Override, line func(api.Override) string) error {
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
