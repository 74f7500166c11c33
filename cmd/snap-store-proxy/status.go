package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/ui"
	"offlinestore/settings"
	"offlinestore/store"
)

// status is what the status command shows.
type status struct {
	URL        string `json:"url"`
	Database   string `json:"database"`
	Cluster    string `json:"cluster"`
	Version    string `json:"version"`
	Generation int64  `json:"generation"`
	Snaps      int    `json:"snaps"`
	Revisions  int    `json:"revisions"`
	Assertions int    `json:"assertions"`
	Charms     int    `json:"charms"`
	Images     int    `json:"image-manifests"`
	BlobBytes  int64  `json:"blob-bytes"`
	FreeBytes  int64  `json:"free-bytes"`
	Damaged    int    `json:"quarantined-blobs"`
	Signers    int    `json:"trusted-signers"`
	LastImport string `json:"last-import,omitempty"`
}

func newStatus(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "status",
		Short:   "Show the state of the store",
		Example: "  snap-store-proxy status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.withCatalog(c.Context(), func(h *host, cat *store.Catalog) error {
				s, err := g.status(c.Context(), h, cat)
				if err != nil {
					return err
				}
				if asJSON {
					return ui.PrintJSON(c.OutOrStdout(), s)
				}
				s.print(c.OutOrStdout())
				return nil
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (g *globals) status(ctx context.Context, h *host, cat *store.Catalog) (*status, error) {
	s := &status{Database: "ok", Cluster: "proxy.db.connection", Version: ui.Version(), Generation: cat.Generation, Snaps: len(cat.Snaps),
		Assertions: len(cat.Assertions), Charms: len(cat.Charms), Images: len(cat.Images)}
	if h.cluster != nil {
		s.Cluster = fmt.Sprintf("private, PostgreSQL %d", h.cluster.Version())
	}
	domain, err := h.settings.Get(settings.Domain)
	if err != nil {
		return nil, err
	}
	if domain != "" {
		s.URL = "http://" + domain
	}
	for _, sn := range cat.Snaps {
		s.Revisions += len(sn.Revisions)
	}
	if err := h.blobs.List(func(i blob.Info) error { s.BlobBytes += i.Size; return nil }); err != nil {
		return nil, err
	}
	if s.Damaged, _, err = h.blobs.Quarantined(); err != nil {
		return nil, err
	}
	if s.FreeBytes, err = blob.Free(g.dataDir); err != nil {
		return nil, err
	}
	signers, err := h.trust.signers()
	if err != nil {
		return nil, err
	}
	s.Signers = len(signers)
	history, err := h.store.History(ctx, "")
	if err == nil && len(history) > 0 {
		s.LastImport = history[0].ImportedAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	return s, err
}

func (s *status) print(w io.Writer) {
	url := s.URL
	if url == "" {
		url = "that of the request (proxy.domain is not set)"
	}
	fmt.Fprintf(w, "Store URL: %s\nStore DB: %s (%s)\nStore is in air-gapped mode\n", url, s.Database, s.Cluster)
	fmt.Fprintf(w, "Snaps: %d, revisions: %d, assertions: %d\n", s.Snaps, s.Revisions, s.Assertions)
	if s.Charms > 0 {
		fmt.Fprintf(w, "Charms and charm bundles: %d, image manifests: %d\n", s.Charms, s.Images)
	}
	fmt.Fprintf(w, "Blobs: %s, free: %s\n", ui.Bytes(s.BlobBytes), ui.Bytes(s.FreeBytes))
	if s.Damaged > 0 {
		fmt.Fprintf(w, "In quarantine: %s ('gc --all' removes them)\n", ui.Count(s.Damaged, "damaged blob"))
	}
	fmt.Fprintf(w, "Trusted signers: %d\n", s.Signers)
	if s.LastImport != "" {
		fmt.Fprintf(w, "Last import: %s\n", s.LastImport)
	}
}
