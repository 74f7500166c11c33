package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// historyOptions are the flags of history.
type historyOptions struct {
	asJSON bool
	limit  int
	name   string
}

func newHistory(dir *instance.Dir) *cobra.Command {
	var o historyOptions
	c := &cobra.Command{
		Use:   "history [NAME]",
		Short: "List the imports with time, file, changes and signer, and the removals",
		Long: `List the imports, newest first, one line for each: when, which file, what moved in
the channels, and who signed. Removals are listed, too. NAME is a snap or a charm:
only what concerns it is listed. 'trust add --name' gives signers the names that the
list has.`,
		Example: "  snap-store-proxy history\n  snap-store-proxy history jq --limit 5\n  snap-store-proxy history --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.limit < 0 {
				return cli.Usagef("--limit: want a number of entries, 0 for all")
			}
			o.name = strings.Join(args, "")
			return withExisting(c.Context(), dir, func(in *instance.Instance) error {
				records, err := in.Catalog.History(c.Context(), "")
				if err != nil {
					return err
				}
				removals, err := in.Catalog.Removals(c.Context())
				if err != nil {
					return err
				}
				names, err := in.Trust.SignerNames()
				if err != nil {
					return err
				}
				return printHistory(c.OutOrStdout(), o.selectFrom(overview.History(records, removals)), names, o.asJSON)
			})
		},
	}
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON, with every change")
	c.Flags().IntVar(&o.limit, "limit", 0, "list only the newest `number` of entries")
	return c
}

// selectFrom returns the entries that the options ask for.
func (o historyOptions) selectFrom(list []overview.Entry) []overview.Entry {
	if o.name != "" {
		list = slices.DeleteFunc(list, func(e overview.Entry) bool { return !e.Concerns(o.name) })
	}
	if o.limit > 0 && len(list) > o.limit {
		list = list[:o.limit]
	}
	return list
}

func printHistory(w io.Writer, list []overview.Entry, names map[string]string, asJSON bool) error {
	if asJSON {
		out := []any{}
		for _, e := range list {
			out = append(out, e.Record())
		}
		return cli.PrintJSON(w, out)
	}
	for _, e := range list {
		if e.Import != nil {
			printImport(w, e.Import, names)
		} else {
			printRemoval(w, e.Removal)
		}
	}
	return nil
}

// maxMoves bounds the channels that a line of the history names. JSON has all of them.
const maxMoves = 4

func printImport(w io.Writer, r *catalog.Record, names map[string]string) {
	changes := countReport(&r.Report)
	if moves := overview.Moves(&r.Report, maxMoves); len(moves) > 0 {
		changes = strings.Join(moves, ", ") + "; " + changes
	}
	fmt.Fprintf(w, "%s %s %s: %s\n", r.ImportedAt.UTC().Format(time.RFC3339), cli.Clean(cmp.Or(r.Name, r.Bundle.String())), cli.Clean(overview.Voucher(r, names)), cli.Clean(changes))
}

func printRemoval(w io.Writer, r *catalog.RemovalRecord) {
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
