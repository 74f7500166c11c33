package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/receipt"
)

func newReceiverUpdate() *cobra.Command {
	var key string
	var asJSON bool
	c := &cobra.Command{
		Use:   "update NAME [RECEIPT]",
		Short: "Take a receipt of a receiver",
		Long: `Take the receipt that 'snap-store-proxy receipt' has written at the site. From then on,
exports for the receiver leave out all blobs in it. The receipt must be signed by the
key of the site's store, and newer than the last one. --key sets that key.
` + cli.ExitHelp,
		Example:           "  store-admin receiver update ship-7 ship-7.receipt\n  store-admin receiver update ship-7 --key ship-7.pem",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeReceiverFile,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && key == "" {
				return cli.Usagef("receiver update: give the file of a receipt, or --key FILE")
			}
			if key != "" {
				if err := setReceiverKey(c.Context(), args[0], key); err != nil {
					return err
				}
			}
			if len(args) == 1 {
				return nil
			}
			return updateReceiver(c, args[0], args[1], asJSON)
		},
	}
	c.Flags().StringVar(&key, "key", "", "`file` with the public key of the site's store, as 'snap-store-proxy audit key' prints it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// completeReceiverFile completes the name of a receiver, and then files.
func completeReceiverFile(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return cli.Complete(completeReceivers)(c, args, prefix)
}

// setReceiverKey sets the key of a receiver. Its last receipt goes, unless the key has signed it, too.
func setReceiverKey(ctx context.Context, name, file string) error {
	text, err := readReceiverKey(file)
	if err != nil {
		return err
	}
	d, err := openReceivers()
	if err != nil {
		return err
	}
	return d.SetKey(ctx, name, text)
}

func updateReceiver(c *cobra.Command, name, file string, asJSON bool) error {
	d, err := openReceivers()
	if err != nil {
		return err
	}
	r, err := d.Receiver(name)
	if err != nil {
		return err
	}
	text, err := cli.ReadFile(file, receipt.MaxSize)
	if err != nil {
		return err
	}
	found, err := r.Update(c.Context(), text, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if asJSON {
		return cli.PrintJSON(c.OutOrStdout(), newReceiptRow(found))
	}
	fmt.Fprintf(c.OutOrStdout(), "Receiver %s has %s and %s, as of %s.\n", r.Name, cli.Count(found.Blobs.Len(), "blob"), cli.Count(len(found.Channels), "channel"), found.Created.UTC().Format(time.RFC3339))
	return nil
}
