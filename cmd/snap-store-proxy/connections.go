package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/advice"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/outside"
	"offlinestore/instance"
)

// errConnections reports that a connection which devices need has failed.
var errConnections = errors.New("not all connections work")

// connection is the printed form of a connection, with the hint if it failed.
type connection struct {
	instance.Connection
	Hint string `json:"hint,omitempty"`
	// terse marks the lines that have the original product's words.
	terse bool
}

func newCheckConnections(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check-connections",
		Short: "Test the connections to this store, as devices make them",
		Long: `Test the connections that the store needs: to its database and, as devices do it,
to itself. It looks up proxy.domain, verifies its certificate with the system's
authorities and the store's own, and expects answers from serve and the registry.
Run it on the host of 'serve'.

A store that is online also needs the stores upstream, which are tested in its way:
through proxy.https.proxy, with the authorities of use-ca-certs. In air-gapped mode
the command connects to nothing else.`,
		Example: "  snap-store-proxy check-connections\n  snap-store-proxy check-connections --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := makeConnections(c.Context(), dir)
			if err != nil && all == nil {
				return err
			}
			if asJSON {
				err = errors.Join(err, cli.PrintJSON(c.OutOrStdout(), map[string]any{"connections": all}))
			} else {
				printConnections(c.OutOrStdout(), all)
				if all[0].terse && !slices.ContainsFunc(all, func(c connection) bool { return !c.OK }) {
					fmt.Fprintln(c.OutOrStdout(), "All connections appear to be accessible")
				}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printConnections(w io.Writer, all []connection) {
	for _, c := range all {
		if c.terse && c.OK {
			fmt.Fprintf(w, "%s: %s: OK \n", c.Name, c.Target)
			continue
		}
		mark := "ok"
		if !c.OK {
			mark = "failed"
		}
		fmt.Fprintf(w, "%s: %s: %s: %s\n", c.Name, c.Target, mark, cli.Clean(c.Detail))
		if c.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", cli.Clean(c.Hint))
		}
	}
}

// makeConnections makes all connections. If one of them fails, it returns them with an error.
func makeConnections(ctx context.Context, dir *instance.Dir) ([]connection, error) {
	made, failed := dir.Connections(ctx, options())
	var all []connection
	s, err := dir.Settings()
	if err != nil || len(made) == 0 {
		return nil, errors.Join(failed, err)
	}
	isOnline := !s.Values().Airgap
	if isOnline {
		hosts, err := outside.Hosts(ctx, *dir, s)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			all = append(all, connection{h.Connection, h.Hint(), true})
			if !h.OK && !h.Spare && failed == nil {
				failed = errConnections
			}
		}
	}
	for _, c := range made {
		terse := isOnline && c.Name == instance.ConnectionDatabase
		if terse {
			c.Name, c.Target = outside.DatabaseName, outside.DatabaseHost(s)
		}
		all = append(all, connection{c, advice.ConnectionHint(c, hints()), terse})
		if !c.OK && failed == nil {
			failed = errConnections
		}
	}
	return all, failed
}
