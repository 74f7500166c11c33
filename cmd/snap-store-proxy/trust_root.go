package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
)

func newTrustRoot(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "root",
		Short: "Trust further roots of assertions, for tests and staging",
		Long:  "Assertions are verified up to Canonical's root. A further root lets its owner\nsign any snap: stock devices will refuse those all the same.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRootAdd(g), newRootList(g), newRootRemove(g))
	return c
}

func newRootAdd(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a root: FILE holds its account and account-key assertions",
		Example: "  snap-store-proxy trust root add staging-root.assert",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readSmall(args[0], maxTrustFile)
			if err != nil {
				return err
			}
			as, err := assertion.DecodeAll(text)
			if err == nil {
				_, err = assertion.Canonical().With(as...)
			}
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			sum := sha256.Sum256(text)
			if err := writeTrust(filepath.Join(t.rootsDir(), hex.EncodeToString(sum[:])+".assert"), text); err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "Warning: whoever holds the keys of %s can now sign any snap for this store.\n", rootNames(as))
			fmt.Fprintf(c.OutOrStdout(), "Root %s is trusted from now on.\n", rootNames(as))
			return nil
		},
	}
}

// rootNames lists the accounts of a root.
func rootNames(as []*assertion.Assertion) string {
	var names []string
	for _, a := range as {
		names = append(names, cli.Clean(a.HeaderString("account-id")))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

func newRootList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the further roots",
		Example: "  snap-store-proxy trust root list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Root\tAccounts")
			err = eachFile(t.rootsDir(), ".assert", func(path string, text []byte) error {
				as, err := assertion.DecodeAll(text)
				fmt.Fprintf(w, "%.16s\t%s\n", filepath.Base(path), rootNames(as))
				return err
			})
			return errors.Join(err, w.Flush())
		},
	}
}

func newRootRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ROOT",
		Short:   "Stop trusting a further root; what was imported stays",
		Example: "  snap-store-proxy trust root remove 3c0a51be",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := g.trustStore()
			if err != nil {
				return err
			}
			return removeTrust(c.OutOrStdout(), t.rootsDir(), args[0], ".assert")
		},
	}
}
