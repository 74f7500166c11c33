package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/instance/settings"
)

func newEnableAirgapMode(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "enable-airgap-mode",
		Short: "Make a new store ready: its database and its secrets",
		Long: `Make a new store ready: connect to the database, or make the private cluster,
create the tables or bring them up to date, and make the secrets that are missing.
It may be run again at any time, and changes nothing that is there. There is no
other mode: nothing in this program reaches the internet.`,
		Example: "  snap-store-proxy config proxy.db.connection=postgresql://store@db.example.internal/store\n  snap-store-proxy enable-airgap-mode",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return enableAirgapMode(c.Context(), c.OutOrStdout(), g) },
	}
}

// enableAirgapMode does what can fail first: a store without its database is not called ready.
func enableAirgapMode(ctx context.Context, w io.Writer, g *globals) error {
	return g.withHost(ctx, func(h *host) error {
		made, err := h.settings.SetMissing(map[string]string{settings.AuthSecret: rand.Text(), settings.DeviceAuthSecret: rand.Text()})
		if err != nil {
			return err
		}
		v, err := values(h.settings, settings.Airgap, settings.Domain)
		if err != nil {
			return err
		}
		if v[settings.Airgap] != "true" {
			if err := h.settings.Set(map[string]string{settings.Airgap: "true"}); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "Store DB: ok (%s)\n", h.databaseName())
		if len(made) > 0 {
			fmt.Fprintf(w, "Made %s\n", strings.Join(made, ", "))
		}
		fmt.Fprintln(w, "Store is in air-gapped mode")
		if v[settings.Domain] == "" {
			fmt.Fprintf(w, "Set the name that devices know this host by: snap-store-proxy config %s=NAME\n", settings.Domain)
		}
		return nil
	})
}

// databaseName says which database the store uses.
func (h *host) databaseName() string {
	if h.cluster == nil {
		return settings.DBConnection
	}
	return fmt.Sprintf("private cluster, PostgreSQL %d", h.cluster.Version())
}
