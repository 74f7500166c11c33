package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/wantlist"
	"offlinestore/instance"
)

func newWanted(dir *instance.Dir) *cobra.Command {
	var o wantlist.Options
	var forget bool
	c := &cobra.Command{
		Use:   "wanted",
		Short: "Print what the store follows, for the exporter, and what clients ask for in vain",
		Long: `Print a wanted.yaml for 'store-admin export': each snap and charm with the channels
that imports have filled, the validation sets, the models and the store of the brand.
Comments have what clients asked for in vain, and what 'check' misses.

--list lists the snaps and charms that clients asked for and that are not here, the
most often wanted first. All servers of this store keep the list together, without
the clients' names. A server adds to it within ten seconds. An import removes what it
brings. --yaml prints only these as a file, and with --charms one of the charms.`,
		Example: "  snap-store-proxy wanted > wanted.yaml\n  snap-store-proxy wanted --list\n  snap-store-proxy wanted --charms --yaml > charms.yaml\n  snap-store-proxy wanted --list --forget",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.JSON && o.YAML {
				return cli.Usagef("--json or --yaml: give one of them")
			}
			return withExisting(c.Context(), dir, func(in *instance.Instance) error {
				err := o.Print(c.Context(), c.OutOrStdout(), in)
				if err == nil && forget {
					err = in.Catalog.ForgetWanted(c.Context())
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&o.JSON, "json", false, "print the list as JSON")
	c.Flags().BoolVar(&o.List, "list", false, "list what clients asked for in vain")
	c.Flags().BoolVar(&o.YAML, "yaml", false, "print the snaps for 'store-admin export snaps --from-yaml'")
	c.Flags().BoolVar(&o.Charms, "charms", false, "list only charms; with --yaml, print them for 'store-admin export charms'")
	c.Flags().BoolVar(&forget, "forget", false, "empty the list after it is printed")
	return c
}
