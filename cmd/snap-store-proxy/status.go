package main

import (
	"context"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/advice"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/outside"
	"offlinestore/cmd/internal/token"
	"offlinestore/instance"
)

func newStatus(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the store",
		Long: `Show the state of the store: its place, its services, its content, and problems to
solve. The services are expected at the addresses in the settings. Without a database,
the command shows the state as far as it is known; then the exit code is 8.`,
		Example: "  snap-store-proxy status\n  snap-store-proxy status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, failed := dir.Health(c.Context(), options())
			if h == nil {
				return failed
			}
			s := &status{Health: h, Version: cli.Version(), Warnings: advice.Warnings(*dir, h)}
			if err := s.addToken(c.Context(), *dir); err != nil {
				return err
			}
			var err error
			if s.Online, err = outside.StateOf(c.Context(), *dir, h); err != nil {
				return err
			}
			if asJSON {
				if err := cli.PrintJSON(c.OutOrStdout(), s); err != nil {
					return err
				}
			} else {
				s.print(c.OutOrStdout())
			}
			return failed
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// addToken adds the state of the token that signs serials, if there is one.
func (s *status) addToken(ctx context.Context, dir instance.Dir) error {
	state, err := token.StateOf(ctx, dir)
	if err != nil || state == nil {
		return err
	}
	s.Services = append(s.Services, state.ServiceState)
	if state.Warning != "" {
		s.Warnings = append(s.Warnings, state.Warning)
	}
	return nil
}
