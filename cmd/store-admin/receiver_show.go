package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newReceiverShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show the bundles that were made for a receiver",
		Long:              "Show a receiver, and the bundles that were made for it, the oldest first.\n" + cli.ExitHelp,
		Example:           "  store-admin receiver show ship-7",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.Complete(completeReceivers),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := openReceivers()
			if err != nil {
				return err
			}
			row, err := newReceiverRow(d, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), row)
			}
			fmt.Fprintf(c.OutOrStdout(), "Receiver:  %s, added %s\n", row.Name, row.Added)
			if row.Key != "" {
				fmt.Fprintf(c.OutOrStdout(), "Key:       %s\n", row.Key)
			}
			if r := row.Receipt; r != nil {
				fmt.Fprintf(c.OutOrStdout(), "Receipt:   %s of %s: %s, %s\n", r.Created.Format(time.RFC3339), cli.Clean(r.Store), cli.Count(r.Blobs, "blob"), cli.Count(r.Channels, "channel"))
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "Bundle\tSigned\tBlobs\tFile")
			for _, v := range row.All {
				fmt.Fprintf(t, "%d\t%s\t%d\t%s\n", v.Sequence, v.Created.UTC().Format(time.RFC3339), v.Blobs, cli.Clean(v.File))
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newReceiverRemove() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "remove NAME",
		Short: "Forget a receiver",
		Long: `Forget a receiver and the bundles that were made for it. A receiver that is added again
under the name gets whole bundles first.
` + cli.ExitHelp,
		Example:           "  store-admin receiver remove ship-7",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.Complete(completeReceivers),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := openReceivers()
			if err != nil {
				return err
			}
			r, err := d.Receiver(args[0])
			if err != nil {
				return err
			}
			// A damaged ledger is a reason to remove a receiver.
			if list, err := r.Deliveries(); !yes && (err != nil || len(list) > 0) {
				if sure, err := cli.Confirm(fmt.Sprintf("Forget receiver %s and the record of its bundles?", r.Name)); err != nil || !sure {
					return err
				}
			}
			if err := d.Remove(r.Name); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Receiver %s was removed.\n", r.Name)
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
