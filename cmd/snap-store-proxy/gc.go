package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newGC(dir *instance.Dir) *cobra.Command {
	var o instance.GCOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing refers to",
		Long: `Remove blobs that nothing refers to: what was imported and removed since, at once,
and what a failed push has left, after a week. Beside a push that takes longer than a moment, it fails.`,
		Example: `  snap-store-proxy gc --dry-run
  snap-store-proxy gc --all`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				return runGC(c.Context(), c.OutOrStdout(), in, o, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&o.All, "all", false, "also remove new blobs and the blobs in quarantine")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "print the blobs that would be removed, and change nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runGC(ctx context.Context, w io.Writer, in *instance.Instance, o instance.GCOptions, asJSON bool) error {
	g, err := in.CollectGarbage(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, map[string]any{"dry-run": o.DryRun, "blobs": g.Blobs, "size": g.Size, "waiting-bundles": g.Waiting, "waiting-size": g.WaitingSize})
	}
	if o.DryRun {
		fmt.Fprintf(w, "%d blobs would be removed: %s.\n", g.Blobs, cli.Bytes(g.Size))
	} else {
		fmt.Fprintf(w, "Removed %d blobs: %s.\n", g.Blobs, cli.Bytes(g.Size))
	}
	if g.Waiting > 0 {
		fmt.Fprintf(w, "Kept for %s that waits for parts: %s ('list-parts').\n", cli.Count(g.Waiting, "bundle"), cli.Bytes(g.WaitingSize))
	}
	return nil
}
