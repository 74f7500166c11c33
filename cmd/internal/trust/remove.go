package trust

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newRemove(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "remove FINGERPRINT",
		Short:   "Stop accepting a signer's bundles; earlier imports stay",
		Example: "  snap-store-proxy trust remove sha256:3c0a…",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return removeNamed(c.OutOrStdout(), dir, args[0], asJSON, instance.Trust.RemoveSigner)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// removeNamed removes the key or the root whose name begins with prefix.
func removeNamed(w io.Writer, dir *instance.Dir, prefix string, asJSON bool, remove func(instance.Trust, string) (string, error)) error {
	if err := dir.Enter(); err != nil {
		return err
	}
	removed, err := remove(dir.Trust(), prefix)
	if err != nil {
		return err
	}
	if asJSON {
		return cli.PrintJSON(w, map[string]string{"removed": removed})
	}
	fmt.Fprintln(w, "Removed.")
	return nil
}
