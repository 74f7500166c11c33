package takeback

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// ownChannel is a row of an operator's own channel in JSON.
type ownChannel struct {
	Snap         string `json:"snap"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	// Revision is 0 for a closed channel.
	Revision int `json:"revision"`
}

func (p *Program) newPromote() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "promote SNAP REVISION CHANNEL",
		Short: "Put a revision into a channel of your own",
		Long: `Put a revision of a snap into a channel that no bundle has: in a track of your own, like
pilot/stable, or a branch, like latest/stable/pilot. Devices that follow the channel
get it; those of other channels do not. So an import is held, tried on a few devices,
and then released to all. The store must have the revision, for every architecture of
which it is put there. 'override' is for the channels of bundles.`,
		Example: "  snap-store-proxy promote jq 8 pilot/stable\n  snap switch --channel=pilot/stable jq      # on the device",
		Args:    cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[1], 10, 32)
			if err != nil || n < 1 {
				return cli.Usagef("%.40q: want the number of a revision", args[1])
			}
			return p.change(c, catalog.OverrideChange{Name: args[0], Channel: args[2], Revision: int(n), Own: true}, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p *Program) newCloseChannel() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "close-channel SNAP CHANNEL",
		Short: "Close a channel of your own",
		Long: `Close a channel that 'promote' has made, for all architectures. Devices that follow it
get the next stabler risk of its track, or no updates if there is none.`,
		Example: "  snap-store-proxy close-channel jq pilot/stable",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return p.change(c, catalog.OverrideChange{Name: args[0], Channel: args[1], Own: true}, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p *Program) change(c *cobra.Command, change catalog.OverrideChange, asJSON bool) error {
	by := instance.Operator() // before root's rights are given up
	return p.Open(c.Context(), p.Dir, func(in *instance.Instance) error {
		done, err := in.Catalog.SetOverrides(c.Context(), by, []catalog.OverrideChange{change})
		if err != nil {
			return err
		}
		return printOwn(c.OutOrStdout(), done, asJSON)
	})
}

func printOwn(w io.Writer, done []catalog.Override, asJSON bool) error {
	list := []ownChannel{}
	for _, o := range done {
		list = append(list, ownChannel{o.Name, o.Architecture, o.Channel, o.Revision})
	}
	if asJSON {
		return cli.PrintJSON(w, list)
	}
	for _, o := range list {
		if _, err := fmt.Fprintf(w, "%s %s %s %s\n", o.Snap, o.Channel, o.Architecture, catalog.RevisionName(o.Revision)); err != nil {
			return err
		}
	}
	return nil
}
