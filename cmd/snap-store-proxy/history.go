package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newHistory(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "history",
		Short:   "List the imports with time, bundle, signer and changes",
		Example: "  snap-store-proxy history\n  snap-store-proxy history --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				records, err := in.Catalog.History(c.Context(), "")
				if err != nil {
					return err
				}
				return printHistory(c.OutOrStdout(), records, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with every change")
	return c
}

func printHistory(w io.Writer, records []catalog.Record, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, append([]catalog.Record{}, records...))
	}
	for _, r := range records {
		vouched := fmt.Sprintf("signed %s by %s (%s)", r.SignedAt.UTC().Format(time.RFC3339), r.Signer, cli.Clean(r.Exporter))
		if r.Signer == catalog.Unsigned {
			vouched = "UNSIGNED, made " + r.SignedAt.UTC().Format(time.RFC3339)
		}
		revisions, moves := r.Report.Changes()
		fmt.Fprintf(w, "%s %s %s: +%s, %s\n", r.ImportedAt.UTC().Format(time.RFC3339), r.Bundle, vouched, cli.Count(revisions, "revision"), cli.Count(moves, "channel change"))
	}
	return nil
}
