package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// newIdentity returns the command that prints the store's identity.
func newIdentity(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "identity",
		Short: "Print the key that bundles for this store are encrypted to",
		Long: `Print the store's recipient (age1…), to which 'store-admin export --encrypt-to'
encrypts bundles. The first time, this makes the store's identity: a private key in
the data folder, in identity.key, which only the owner of the folder can read. It is
never printed. The push commands, and only these, open encrypted bundles with it.
Backups contain it. A bundle that is encrypted to a lost identity cannot be opened.`,
		Example: "  snap-store-proxy identity\n  store-admin export snaps jq --encrypt-to age1…      outside",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dir.Enter(); err != nil {
				return err
			}
			recipient, made, err := dir.MakeIdentity()
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), identityResult{recipient, dir.IdentityPath(), made})
			}
			if made {
				cli.Note("This store has an identity now. Its private key is in %s: make a backup.\n", dir.IdentityPath())
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), recipient)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// identityResult is the identity of a store in JSON.
type identityResult struct {
	Recipient string `json:"recipient"`
	// File holds the private key.
	File string `json:"file"`
	// Made reports that this command has made it.
	Made bool `json:"made"`
}
