package main

import (
	"context"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/instance"
)

func newRemoveImage(dir *instance.Dir) *cobra.Command {
	o := removeOptions{RemoveOptions: instance.RemoveOptions{Kind: catalog.ItemImage}}
	c := &cobra.Command{
		Use:   "remove-image NAME[:TAG|@DIGEST]",
		Short: "Remove images that belong to no charm from this store",
		Long: `Remove images that belong to no charm from this store: all of a repository, or one. A
tag goes with its image, unless another tag names the image. A digest that a tag names
needs --force. Containers keep running; new ones can't pull the image. 'gc' then frees
the space of its layers. A bundle that has the image brings it back.`,
		Example: "  snap-store-proxy remove-image library/postgres --dry-run\n  snap-store-proxy remove-image library/postgres:16",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Name, o.By = args[0], instance.Operator() // before root's rights are given up
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				return runRemoval(c.Context(), c.OutOrStdout(), o.removalOptions(), func(ctx context.Context, dryRun bool) (*instance.Removal, error) {
					o := o.RemoveOptions
					o.DryRun = dryRun
					return in.Remove(ctx, o)
				})
			})
		},
	}
	o.addFlags(c.Flags())
	return c
}
