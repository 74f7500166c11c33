package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// cacheDir returns the folder of the cache: the value of the flag, or the snap's folder, or the user's.
func cacheDir(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if dir := os.Getenv("SNAP_USER_COMMON"); dir != "" {
		return filepath.Join(dir, "cache"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w (or give --cache-dir)", err)
	}
	return filepath.Join(dir, "store-admin"), nil
}

func newCache() *cobra.Command {
	c := &cobra.Command{
		Use:     "cache",
		Short:   "Manage the cache of downloads",
		Long:    "The cache keeps downloads, so that a repeated export fetches only new items.\nExports keep its size below --cache-size.\n" + cli.ExitHelp,
		Example: "  store-admin cache clean",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var dir, keep string
	var asJSON bool
	clean := &cobra.Command{
		Use:     "clean",
		Short:   "Remove the downloads that were not used for longest",
		Long:    "Remove downloads, beginning with the one that was not used for longest, and\nincomplete downloads.\n" + cli.ExitHelp,
		Example: "  store-admin cache clean\n  store-admin cache clean --keep 10GB",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runCacheClean(c, dir, keep, asJSON) },
	}
	clean.Flags().StringVar(&keep, "keep", "0", "leave at most this `size`")
	clean.Flags().StringVar(&dir, "cache-dir", "", "`folder` of the cache (default the user's)")
	clean.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(clean)
	return c
}

func runCacheClean(c *cobra.Command, flag, keep string, asJSON bool) error {
	max, err := exporter.ParseSize(keep)
	if err != nil {
		return cli.Usagef("--keep: %w", err)
	}
	dir, err := cacheDir(flag)
	if err != nil {
		return err
	}
	cache, err := exporter.OpenCache(dir)
	if err != nil {
		return err
	}
	freed, err := cache.Trim(max)
	if err != nil {
		return err
	}
	_, left, err := cache.Usage()
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(c.OutOrStdout(), map[string]any{"freed": freed, "left": left, "folder": dir})
	}
	fmt.Fprintf(c.OutOrStdout(), "Freed %s, %s left in %s.\n", cli.Bytes(freed), cli.Bytes(left), dir)
	return nil
}
