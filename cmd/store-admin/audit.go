package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/trail"
)

func newAudit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Verify the exported audit trail of a store",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAuditVerify())
	return c
}

func newAuditVerify() *cobra.Command {
	var o trail.Check
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Find removed, altered and inserted rows",
		Long: `Verify a FILE of 'snap-store-proxy audit export' with the public key of its store.
Each removed, altered, moved or inserted row is named. The exit code is 4 if there
are some, and 5 if no known key has signed. FILE may be - for standard input.
` + cli.ExitHelp,
		Example: "  store-admin audit verify trail.jsonl --key store-audit.pem\n  zstdcat quarter.jsonl.zst | store-admin audit verify - --key store-audit.pem",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return o.RunFile(c, args[0]) },
	}
	o.AddFlags(c)
	return c
}
