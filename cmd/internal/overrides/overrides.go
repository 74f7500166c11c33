// Package overrides holds the commands about overrides, in both modes of a store.
package overrides

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server/admin/api"
)

// Program is the way to the rest of the program.
type Program struct {
	Dir *instance.Dir
	// Open calls a function with the open store. Read is for commands that only read.
	Open, Read func(context.Context, *instance.Dir, func(*instance.Instance) error) error
}

// Commands returns the commands.
func (p *Program) Commands() []*cobra.Command {
	return []*cobra.Command{p.newOverride(), p.newListOverrides(), p.newDeleteOverride()}
}

func (p *Program) newOverride() *cobra.Command {
	o := &options{Program: p}
	c := &cobra.Command{
		Use:   "override SNAP CHANNEL=REVISION…",
		Short: "Serve a revision in a channel instead of the imported one, or upstream's",
		Long: `Serve a revision in a channel instead of the imported one, for every architecture
that the revision supports, until the override is deleted. Imports do not change
it. The store must have the revision. Devices that follow the channel get it at
their next refresh, even if it is older than their current one.

While the store is online, the override takes the place of upstream's revision, and
upstream must have it.`,
		Example: "  snap-store-proxy override core18 stable=1722\n  snap-store-proxy override core18 stable=1722 candidate=1754 --remote https://store.example.internal:8013",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			changes, err := parseOverrides(args[0], args[1:])
			if err != nil {
				return err
			}
			return o.change(c.Context(), c.OutOrStdout(), changes)
		},
	}
	o.addFlags(c)
	return c
}

func (p *Program) newDeleteOverride() *cobra.Command {
	o := &options{Program: p}
	c := &cobra.Command{
		Use:     "delete-override SNAP CHANNEL…",
		Short:   "Serve the imported revision of a channel again, or upstream's",
		Long:    "Serve the imported revision of a channel again, or upstream's while the store is\nonline, for all architectures.",
		Example: "  snap-store-proxy delete-override core18 stable",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var changes []catalog.OverrideChange
			for _, channel := range args[1:] {
				changes = append(changes, catalog.OverrideChange{Name: args[0], Channel: channel})
			}
			return o.change(c.Context(), c.OutOrStdout(), changes)
		},
	}
	o.addFlags(c)
	return c
}

func (p *Program) newListOverrides() *cobra.Command {
	o := &options{Program: p}
	c := &cobra.Command{
		Use:   "list-overrides SNAP",
		Short: "List the overrides of a snap, and the revisions upstream that they hide",
		Long: `List the overrides of a snap, and the revisions upstream that they hide: the imported
ones, or while the store is online those that upstream has now.`,
		Example: "  snap-store-proxy list-overrides core18",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := o.list(c.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(c.OutOrStdout(), list, api.Override.String)
		},
	}
	o.addFlags(c)
	return c
}

// parseOverrides parses arguments of the form CHANNEL=REVISION.
func parseOverrides(name string, args []string) ([]catalog.OverrideChange, error) {
	var changes []catalog.OverrideChange
	for _, a := range args {
		channel, number, ok := strings.Cut(a, "=")
		revision, err := strconv.ParseInt(number, 10, 32)
		if !ok || channel == "" || err != nil || revision < 1 {
			return nil, cli.Usagef("%.80q: want CHANNEL=REVISION, like stable=1722", a)
		}
		changes = append(changes, catalog.OverrideChange{Name: name, Channel: channel, Revision: int(revision)})
	}
	return changes, nil
}
