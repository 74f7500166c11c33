package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/advice"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// errConnections reports that a connection which devices need has failed.
var errConnections = errors.New("not all connections work")

// connection is the printed form of a connection, with the hint if it failed.
type connection struct {
	instance.Connection
	Hint string `json:"hint,omitempty"`
}

func newCheckConnections(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check-connections",
		Short: "Test the connections to this store, as devices make them",
		Long: `Test the connections that the store needs: to its database and, as devices do it,
to itself. It looks up proxy.domain, verifies its certificate with the system's
authorities and the store's own, and expects answers from serve and the registry.
Run it on the host of 'serve'. It connects to nothing else: this store never
connects to the internet.`,
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
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printConnections(w io.Writer, all []connection) {
	for _, c := range all {
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
	for _, c := range made {
		all = append(all, connection{c, advice.ConnectionHint(c, hints())})
		if !c.OK && failed == nil {
			failed = errConnections
		}
	}
	return all, failed
}
