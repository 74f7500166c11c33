package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

func newMigrateBlobs(dir *instance.Dir) *cobra.Command {
	var remove, asJSON bool
	c := &cobra.Command{
		Use:   "migrate-blobs {s3|local}",
		Short: "Move the blobs into S3, or back into the data folder",
		Long: `Copy the blobs into S3, or back into the data folder, and set proxy.storage.backend.
'serve' goes on meanwhile, and so may pushes, which wait only for a moment at the end.
Run it again if it was interrupted: it goes on where it stopped. The blobs also stay
where they were, until --remove removes them there.`,
		Example: `  snap-store-proxy migrate-blobs s3
  snap-store-proxy migrate-blobs s3 --remove
  snap-store-proxy migrate-blobs local`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{settings.BackendS3, settings.BackendLocal},
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] != settings.BackendS3 && args[0] != settings.BackendLocal {
				return cli.Usagef("%.40q: want s3 or local", args[0])
			}
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				return runMigrateBlobs(c.Context(), c.OutOrStdout(), in, args[0], remove, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "then remove the blobs from the place where they were")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runMigrateBlobs(ctx context.Context, w io.Writer, in *instance.Instance, to string, remove, asJSON bool) error {
	m, err := in.MigrateBlobs(ctx, to, remove, progress)
	if m == nil {
		return err
	}
	if asJSON {
		return errors.Join(err, cli.PrintJSON(w, m))
	}
	fmt.Fprintf(w, "Copied %s (%s); the store has %s (%s).\n", cli.Count(m.Copied, "blob"), cli.Bytes(m.CopiedSize), cli.Count(m.Blobs, "blob"), cli.Bytes(m.Size))
	if m.Missing > 0 {
		fmt.Fprintf(w, "Missing in both places: %s ('check --blobs' lists them).\n", cli.Count(m.Missing, "blob"))
	}
	if m.Switched {
		fmt.Fprintf(w, "Set %s=%s, which 'serve' takes up within seconds. Set it on the other servers of this store, too.\n", settings.StorageBackend, m.To)
	}
	if m.Removed > 0 {
		fmt.Fprintf(w, "Removed %s (%s) from the former place.\n", cli.Count(m.Removed, "blob"), cli.Bytes(m.RemovedSize))
	}
	return err
}
