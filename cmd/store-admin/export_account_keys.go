package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

func newExportAccountKeys() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "account-keys ACCOUNT KEYID…",
		Short: "Export public keys of an account",
		Long: `Export public keys of an account into one signed bundle, with the account and
everything that vouches for them. Devices and builders of images need the keys
with which a brand signs its models, its serials and its validation sets.

ACCOUNT is the account's ID. KEYID is the SHA3-384 of the public key, as in the
sign-key-sha3-384 of a model, or in the list of 'snap keys'. The keys of
Canonical's own models come with every export of snapd, and those of generic
devices are part of snap-store-proxy.
` + cli.ExitHelp,
		Example: `  store-admin export account-keys FpA2tgNE8bUrUKSOhE6SOpsMdlcEJkDL u2EnPKDpHm8Or1VWwjs3duNosoBpFS4Da-c6vRQHPKwdllDOlQ02_JFGrxZDe03C
  store-admin export account-keys my-brand $(sed -n 's/^sign-key-sha3-384: //p' my.model)`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(c.Flags().Changed); err != nil {
				return err
			}
			var req exporter.Request
			for _, id := range unique(args[1:]) {
				req.AccountKeys = append(req.AccountKeys, exporter.AccountKey{Account: args[0], ID: id})
			}
			if err := req.Validate(); err != nil {
				return cli.Usagef("%w", err)
			}
			o.archive = "account-keys"
			return runExport(c.Context(), c.OutOrStdout(), &o, req)
		},
	}
	o.addFlags(c.Flags())
	return c
}
