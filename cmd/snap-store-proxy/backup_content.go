package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// contentCommand is the name of a hidden command. If root runs backup, backup runs this command to read the store as the
// owner of the data folder.
const contentCommand = "backup-content"

func newBackupContent(dir *instance.Dir) *cobra.Command {
	var blobs bool
	c := &cobra.Command{
		Use:    contentCommand,
		Short:  "Write the content of a backup, unencrypted, for 'backup'",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if cli.IsTerminal(os.Stdout) {
				return cli.Usagef("this is for 'snap-store-proxy backup'")
			}
			return writeContent(c.Context(), dir, c.OutOrStdout(), blobs)
		},
	}
	c.Flags().BoolVar(&blobs, "blobs", false, "the blobs, too")
	return c
}

// writeContent writes the current content of a store for a backup.
func writeContent(ctx context.Context, dir *instance.Dir, w io.Writer, blobs bool) error {
	return withExisting(ctx, dir, func(in *instance.Instance) error {
		return in.WriteBackupContent(ctx, w, blobs, cli.Version())
	})
}

// backupContent writes the content of a backup. For root, another process writes it: a process gives up root's rights for
// good, and the owner of the data folder may not write to every place that root may.
func backupContent(ctx context.Context, dir *instance.Dir, w io.Writer, blobs bool) error {
	if os.Geteuid() != 0 {
		return writeContent(ctx, dir, w, blobs)
	}
	return cli.RunAgain(ctx, "snap-store-proxy", w, contentCommand, "--data-dir", string(*dir), fmt.Sprintf("--blobs=%v", blobs))
}
