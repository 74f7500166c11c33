package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newTrust(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Say whose bundles this store accepts",
		Long:  "Bundles are accepted only from signers whose key was added here. The key comes\nfrom 'store-admin key export' on the exporting host.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTrustAdd(dir), newTrustList(dir), newTrustRemove(dir), newTrustRoot(dir))
	return c
}

func newTrustAdd(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a signer: FILE is what 'store-admin key export' printed",
		Example: "  snap-store-proxy trust add exporter.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := cli.ReadFile(args[0], instance.MaxTrustFile)
			if err != nil {
				return err
			}
			k, err := bundle.ParsePublicKey(text)
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err := dir.Enter(); err != nil {
				return err
			}
			if err := dir.Trust().AddSigner(k); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Bundles signed by %s (%s) are accepted from now on.\n", k.ID(), k.Algorithm())
			return nil
		},
	}
}

func newTrustList(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the trusted signers",
		Example: "  snap-store-proxy trust list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dir.Enter(); err != nil {
				return err
			}
			keys, err := dir.Trust().Signers()
			if err != nil {
				return err
			}
			if asJSON {
				ids := []map[string]string{}
				for _, k := range keys {
					ids = append(ids, map[string]string{"fingerprint": k.ID(), "algorithm": k.Algorithm()})
				}
				return cli.PrintJSON(c.OutOrStdout(), ids)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Fingerprint\tAlgorithm")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\n", k.ID(), k.Algorithm())
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newTrustRemove(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "remove FINGERPRINT",
		Short:   "Stop accepting a signer's bundles; what was imported stays",
		Example: "  snap-store-proxy trust remove sha256:3c0a…",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return removeTrusted(c.OutOrStdout(), dir, args[0], instance.Trust.RemoveSigner)
		},
	}
}

// removeTrusted removes the key or the root whose name begins with prefix.
func removeTrusted(w io.Writer, dir *instance.Dir, prefix string, remove func(instance.Trust, string) error) error {
	if err := dir.Enter(); err != nil {
		return err
	}
	if err := remove(dir.Trust(), prefix); err != nil {
		return err
	}
	fmt.Fprintln(w, "Removed.")
	return nil
}
