package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/instance"
)

func newTrustRemove(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "remove FINGERPRINT",
		Short:   "Stop accepting a signer's bundles; earlier imports stay",
		Example: "  snap-store-proxy trust remove sha256:3c0a…",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return removeTrusted(c.OutOrStdout(), dir, args[0], instance.Trust.RemoveSigner)
		},
	}
}

// removeTrusted removes the key or the root whose name begins with prefix.
func removeTrusted(w io.Writer, dir *instance.Dir, prefix string, remove func(instance.Trust, string) error) error {
	if err := dir.Enter(); err != nil {
		return err
	}
	if err := remove(dir.Trust(), prefix); err != nil {
		return err
	}
	fmt.Fprintln(w, "Removed.")
	return nil
}
