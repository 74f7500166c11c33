package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
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
		Short:   "List the imports with time, bundle, signer and changes, and the removals",
		Example: "  snap-store-proxy history\n  snap-store-proxy history --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				records, err := in.Catalog.History(c.Context(), "")
				if err != nil {
					return err
				}
				removals, err := in.Catalog.Removals(c.Context())
				if err != nil {
					return err
				}
				return printHistory(c.OutOrStdout(), historyOf(records, removals), asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with every change")
	return c
}

// historyEntry is one entry of the history, an import or a removal.
type historyEntry struct {
	at    time.Time
	entry any
}

// historyOf returns the imports and the removals, newest first.
func historyOf(records []catalog.Record, removals []catalog.RemovalRecord) []historyEntry {
	var out []historyEntry
	for _, r := range records {
		out = append(out, historyEntry{r.ImportedAt, r})
	}
	for _, r := range removals {
		out = append(out, historyEntry{r.RemovedAt, r})
	}
	slices.SortStableFunc(out, func(a, b historyEntry) int { return b.at.Compare(a.at) })
	return out
}

func printHistory(w io.Writer, list []historyEntry, asJSON bool) error {
	if asJSON {
		out := []any{}
		for _, h := range list {
			out = append(out, h.entry)
		}
		return cli.PrintJSON(w, out)
	}
	for _, h := range list {
		switch r := h.entry.(type) {
		case catalog.Record:
			printImport(w, r)
		case catalog.RemovalRecord:
			printRemoval(w, r)
		}
	}
	return nil
}

func printImport(w io.Writer, r catalog.Record) {
	vouched := fmt.Sprintf("signed %s by %s (%s)", r.SignedAt.UTC().Format(time.RFC3339), r.Signer, cli.Clean(r.Exporter))
	if r.Signer == catalog.Unsigned {
		vouched = "UNSIGNED, made " + r.SignedAt.UTC().Format(time.RFC3339)
	}
	if r.Signer == catalog.OwnSignatures {
		vouched = "assertions with their own signatures"
	}
	fmt.Fprintf(w, "%s %s %s: %s\n", r.ImportedAt.UTC().Format(time.RFC3339), r.Bundle, vouched, countReport(&r.Report))
}

func printRemoval(w io.Writer, r catalog.RemovalRecord) {
	forced := ""
	if r.Forced {
		forced = ", forced"
	}
	revisions, moves := r.Report.Changes()
	fmt.Fprintf(w, "%s %s by %s%s: %s: -%s, %s\n", r.RemovedAt.UTC().Format(time.RFC3339), r.Reason, cli.Clean(r.RemovedBy), forced,
		cli.Clean(strings.Join(r.Report.Names(), ", ")), cli.Count(revisions, "revision"), cli.Count(moves, "channel change"))
}

// countReport counts the changes of an import: the revisions and the rows, and all other kinds that there are.
func countReport(r *catalog.Report) string {
	revisions, moves := r.Changes()
	list := []string{"+" + cli.Count(revisions, "revision"), cli.Count(moves, "channel change")}
	for _, c := range []struct {
		n    int
		noun string
	}{
		{len(r.Withdrawals), "withdrawal"}, {len(r.TakeOvers), "take-over"}, {r.Images, "image manifest"}, {len(r.ImageMoves), "image name"},
	} {
		if c.n > 0 {
			list = append(list, cli.Count(c.n, c.noun))
		}
	}
	list = append(list, cli.CountChanges(r.Updates)...)
	if n := r.NewAssertions(); n > 0 {
		list = append(list, cli.Count(n, "new assertion"))
	}
	return strings.Join(list, ", ")
}
