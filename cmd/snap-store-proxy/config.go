package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/ui"
	"offlinestore/settings"
)

func newConfig(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "config [KEY | KEY=VALUE…]",
		Short: "Show or change the settings",
		Long:  "Without arguments, list the settings; secrets are shown as " + settings.Redacted + ".\nAn empty value brings a setting's default back. Restart 'serve' after a change: it\nreads the settings when it starts.",
		Example: `  snap-store-proxy config
  snap-store-proxy config proxy.domain
  snap-store-proxy config proxy.domain=snaps.example.internal
  snap-store-proxy config proxy.db.connection=postgresql://store@db.example.internal/store`,
		RunE: func(c *cobra.Command, args []string) error { return runConfig(c.OutOrStdout(), g, args) },
	}
}

func runConfig(w io.Writer, g *globals, args []string) error {
	if err := enterDataDir(g.dataDir); err != nil {
		return err
	}
	s, err := settings.Open(g.settingsPath())
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		for _, e := range s.List() {
			fmt.Fprintf(w, "%s: %s\n", e.Name, e.Value)
		}
		return nil
	case len(args) == 1 && !strings.Contains(args[0], "="):
		value, err := s.Get(args[0])
		if err == nil {
			fmt.Fprintln(w, value)
		}
		return err
	}
	changes := make(map[string]string)
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			return ui.Usagef("%q: want KEY=VALUE", a)
		}
		if _, twice := changes[key]; twice {
			return ui.Usagef("%s is given twice", key)
		}
		changes[key] = value
	}
	if err := s.Set(changes); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "Restart 'snap-store-proxy serve' if it runs: it reads the settings when it starts.")
	return nil
}
