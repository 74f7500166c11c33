package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/receiver"
)

func newReceiver() *cobra.Command {
	c := &cobra.Command{
		Use:   "receiver",
		Short: "Manage the sites that bundles are carried to",
		Long: `A receiver is a site, as this exporter knows it. 'export … --for NAME' notes which blobs
a bundle carries there, so that the next bundle can leave them out.
` + cli.ExitHelp,
		Example: "  store-admin receiver add ship-7\n  store-admin export snaps core24 --for ship-7\n  store-admin receiver update ship-7 ship-7.receipt",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newReceiverAdd(), newReceiverList(), newReceiverShow(), newReceiverUpdate(), newReceiverRemove())
	return c
}

func newReceiverAdd() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add a receiver",
		Long:    "Add a receiver. The name goes into the signed statement of its bundles.\n" + cli.ExitHelp,
		Example: "  store-admin receiver add ship-7",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r := receiver.Receiver{Name: args[0], Added: time.Now().UTC().Truncate(time.Second)}
			if file != "" {
				var err error
				if r.Key, err = readReceiverKey(file); err != nil {
					return err
				}
			}
			d, err := openReceivers()
			if err != nil {
				return err
			}
			if err := d.Add(r); errors.Is(err, bundle.ErrReceiver) {
				return cli.Usagef("%w", err)
			} else if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Receiver %s was added.\n", r.Name)
			return nil
		},
	}
	c.Flags().StringVar(&file, "key", "", "`file` with the public key of the site's store, as 'snap-store-proxy audit key' prints it; receipts need it")
	return c
}

func newReceiverList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the receivers",
		Long:    "List the receivers, with the bundles that were made for each.\n" + cli.ExitHelp,
		Example: "  store-admin receiver list\n  store-admin receiver list --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openReceivers()
			if err != nil {
				return err
			}
			names, err := d.Names()
			if err != nil {
				return err
			}
			rows := []*receiverRow{}
			for _, name := range names {
				row, err := newReceiverRow(d, name)
				if err != nil {
					return err
				}
				row.All = nil
				rows = append(rows, row)
			}
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), rows)
			}
			printReceivers(c.OutOrStdout(), rows)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printReceivers(w io.Writer, rows []*receiverRow) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Name\tBundles\tBlobs\tLast bundle")
	for _, r := range rows {
		last := "-"
		if r.Last != nil {
			last = fmt.Sprintf("%s (%s)", cli.Clean(r.Last.File), r.Last.Created.UTC().Format(time.DateOnly))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", r.Name, r.Bundles, r.Blobs, last)
	}
	t.Flush()
}
