package main

import (
	"context"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newPrune(dir *instance.Dir) *cobra.Command {
	var o instance.PruneOptions
	var r removalOptions
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove the revisions that nothing needs",
		Long: `Remove the revisions of snaps, charms, charm bundles and resources that no channel
holds, no override names and nothing else needs by number. Revisions that were
never in a channel stay, because they were exported by number. So do the ones to
which a rollback of the last import would return, or of the imports within
--older-than. Devices that have a removed revision keep it. 'gc' then frees the space
of the blobs.`,
		Example: `  snap-store-proxy prune --dry-run
  snap-store-proxy prune --keep 2 --older-than 30d && snap-store-proxy gc`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Keep < 0 {
				return cli.Usagef("--keep %d: want 0 or more", o.Keep)
			}
			o.By = instance.Operator() // before root's rights are given up
			r.yes = true               // nothing needs the revisions
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				return runRemoval(c.Context(), c.OutOrStdout(), r, func(ctx context.Context, dryRun bool) (*instance.Removal, error) {
					o := o
					o.DryRun = dryRun
					return in.Prune(ctx, o)
				})
			})
		},
	}
	c.Flags().IntVar(&o.Keep, "keep", 0, "keep the newest `N` of these revisions, for each snap, charm, resource and architecture")
	c.Flags().Var((*cli.Duration)(&o.OlderThan), "older-than", "keep revisions that a bundle brought within this `duration`: 36h, 30d, 8w")
	c.Flags().BoolVar(&o.Unreleased, "unreleased", false, "also remove revisions that were never in a channel")
	c.Flags().BoolVar(&o.NoRollback, "no-rollback", false, "also remove revisions to which only a rollback would return")
	c.Flags().BoolVar(&r.dryRun, "dry-run", false, "print what would be removed, and change nothing")
	c.Flags().BoolVar(&r.json, "json", false, "print JSON")
	return c
}
