package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

func newTrustRoot(dir *instance.Dir) *cobra.Command {
	c := &cobra.Command{
		Use:   "root",
		Short: "Trust further roots of assertions, for tests and staging",
		Long:  "Assertions are verified up to Canonical's root. A further root lets its owner\nsign any snap: stock devices will refuse those all the same.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRootAdd(dir), newRootList(dir), newRootRemove(dir))
	return c
}

func newRootAdd(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "add FILE",
		Short:   "Trust a root: FILE holds its account and account-key assertions",
		Example: "  snap-store-proxy trust root add staging-root.assert",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := cli.ReadFile(args[0], instance.MaxTrustFile)
			if err != nil {
				return err
			}
			as, err := instance.ParseRoot(text)
			if err != nil {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err := dir.Enter(); err != nil {
				return err
			}
			if err := dir.Trust().AddRoot(text); err != nil {
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

func newRootList(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the further roots",
		Example: "  snap-store-proxy trust root list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dir.Enter(); err != nil {
				return err
			}
			roots, err := dir.Trust().Roots()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Root\tAccounts")
			for _, r := range roots {
				fmt.Fprintf(w, "%.16s\t%s\n", r.ID, rootNames(r.Assertions))
			}
			return w.Flush()
		},
	}
}

func newRootRemove(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ROOT",
		Short:   "Stop trusting a further root; what was imported stays",
		Example: "  snap-store-proxy trust root remove 3c0a51be",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return removeTrusted(c.OutOrStdout(), dir, args[0], instance.Trust.RemoveRoot)
		},
	}
}
