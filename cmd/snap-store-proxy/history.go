package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/changes"
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
		Short: "List the imports with time, file, changes and signer, and what operators changed",
		Long: `List the imports, newest first, one line for each: when, its number, which file, what
moved in the channels, and who signed. Removals, rollbacks, holds and promotions are
listed, too. NAME is a snap or a charm:
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
				entries, err := overview.ReadHistory(c.Context(), in.Catalog)
				if err != nil {
					return err
				}
				names, err := in.Trust.SignerNames()
				if err != nil {
					return err
				}
				return changes.PrintHistory(c.OutOrStdout(), o.selectFrom(entries), names, o.asJSON)
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
