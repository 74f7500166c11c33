package trust

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newAdd(dir *instance.Dir) *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a signer: FILE is the output of 'store-admin key export'",
		Example: "  snap-store-proxy trust add exporter.pem --name 'Jo, build host'",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := cli.ReadFile(args[0], instance.MaxTrustFile)
			if err != nil {
				return err
			}
			k, err := bundle.ParsePublicKey(text)
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err := dir.Enter(); err != nil {
				return err
			}
			// The name goes first, because the command fails for a bad one.
			if c.Flags().Changed("name") {
				if err := dir.Trust().NameSigner(k, name); errors.Is(err, instance.ErrSignerName) {
					return cli.Usagef("--name: %w", err)
				} else if err != nil {
					return err
				}
			}
			if err := dir.Trust().AddSigner(k); err != nil {
				return err
			}
			if asJSON {
				signers, err := dir.Trust().Describe(k)
				if err != nil {
					return err
				}
				return cli.PrintJSON(c.OutOrStdout(), signers[0])
			}
			fmt.Fprintf(c.OutOrStdout(), "Bundles signed by %s (%s) are accepted from now on.\n", k.ID(), k.Algorithm())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&name, "name", "", "`name` of the signer in the history and in lists")
	return c
}
