package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/receipt"
)

func newReceipt(dir *instance.Dir) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "receipt",
		Short: "Write what this store has, for the exporter",
		Long: `Write a receipt to standard output or to a new file: the blobs that this store holds,
the contents of its channels, and the last bundle of each exporter, signed by the
store's own key. Carry it to the exporter, who runs 'store-admin receiver update'.
'audit key' prints the public key.`,
		Example: "  snap-store-proxy receipt --output ship-7.receipt",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := os.Stdout
			if output != "" {
				if err := cli.CheckOutput("output", output); err != nil {
					return err
				}
				f, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // before root's rights are given up
				if err != nil {
					return err
				}
				defer f.Close()
				out = f
			} else if cli.IsTerminal(os.Stdout) {
				return cli.Usagef("receipt: a terminal can't use it: give --output FILE, or redirect standard output")
			}
			r, err := writeReceipt(c, dir, out)
			if err != nil && output != "" {
				return errors.Join(err, out.Truncate(0))
			}
			if err == nil && output != "" {
				cli.Note("The receipt has %s and %s.\n", cli.Count(r.Blobs.Len(), "blob"), cli.Count(len(r.Channels), "channel"))
			}
			return err
		},
	}
	c.Flags().StringVar(&output, "output", "", "write to this new `FILE` instead of standard output")
	return c
}

func writeReceipt(c *cobra.Command, dir *instance.Dir, out *os.File) (r *receipt.Receipt, err error) {
	err = withInstance(c.Context(), dir, func(in *instance.Instance) error {
		var file []byte
		if file, r, err = in.Receipt(c.Context()); err != nil {
			return err
		}
		if _, err := out.Write(file); err != nil {
			return fmt.Errorf("write the receipt: %w", err)
		}
		if info, err := out.Stat(); err == nil && info.Mode().IsRegular() {
			return out.Sync()
		}
		return nil
	})
	return r, err
}
