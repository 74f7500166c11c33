package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// status is what the status command shows.
type status struct {
	URL      string         `json:"url"`
	StoreID  string         `json:"store-id"`
	Database string         `json:"database"`
	Cluster  string         `json:"cluster"`
	Version  string         `json:"version"`
	Services []serviceState `json:"services"`
	Stores   []string       `json:"stores"`
	// AccountKeys are those that were imported: pushed with stores and snaps.
	AccountKeys []accountKey      `json:"account-keys"`
	Generation  int64             `json:"generation"`
	Snaps       int               `json:"snaps"`
	Revisions   int               `json:"revisions"`
	Assertions  int               `json:"assertions"`
	Charms      int               `json:"charms"`
	Images      int               `json:"image-manifests"`
	BlobBytes   int64             `json:"blob-bytes"`
	FreeBytes   int64             `json:"free-bytes"`
	Damaged     int               `json:"quarantined-blobs"`
	Missing     int               `json:"missing-blobs"`
	Signers     int               `json:"trusted-signers"`
	LastImport  string            `json:"last-import,omitempty"`
	Certificate *certificate.Info `json:"certificate,omitempty"`
	Warnings    []string          `json:"warnings"`
}

// accountKey is an account-key assertion, as people know it.
type accountKey struct {
	Account string `json:"account-id"`
	Name    string `json:"name"`
	ID      string `json:"public-key-sha3-384"`
}

// statusTimeout is how long status looks for a database that does not answer.
const statusTimeout = 30 * time.Second

func newStatus(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the store",
		Long: `Show the state of the store: where it is, what runs, what it holds, and what should
be seen to. The services are looked for where the settings say that they listen.
It is shown, as far as it can be known, without a database too; then the exit code is 8.`,
		Example: "  snap-store-proxy status\n  snap-store-proxy status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, failed := readStatus(c.Context(), dir)
			if s == nil {
				return failed
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

// status is what can be found out. The error beside it says why that is not all.
func readStatus(ctx context.Context, dir *instance.Dir) (*status, error) {
	in, failed := dir.OpenDegraded(ctx, options())
	if in == nil {
		return nil, failed
	}
	defer in.Close() // all is read
	s := &status{Version: cli.Version(), Services: []serviceState{}, Stores: []string{}, AccountKeys: []accountKey{}, Warnings: []string{}}
	steps := []func(context.Context, *instance.Instance) error{s.readHost, s.readTrust, s.readCertificate, s.readServices}
	if failed == nil {
		steps = append(steps, s.readCatalog)
	}
	for _, step := range steps {
		if err := step(ctx, in); err != nil {
			return nil, err
		}
	}
	s.describeDatabase(in, failed)
	return s, failed
}

func (s *status) print(w io.Writer) {
	url := s.URL
	if url == "" {
		url = "that of the request (proxy.domain is not set)"
	}
	fmt.Fprintf(w, "Store URL: %s\n", url)
	if s.Cluster != "" {
		fmt.Fprintf(w, "Store DB: %s (%s)\n", s.Database, s.Cluster)
	} else {
		fmt.Fprintf(w, "Store DB: %s\n", s.Database)
	}
	fmt.Fprintln(w, "Store is in air-gapped mode")
	if s.StoreID != "" {
		fmt.Fprintf(w, "Store ID: %s\n", s.StoreID)
	} else {
		fmt.Fprintln(w, "Store ID: none (no store assertion was imported)")
	}
	fmt.Fprintln(w, "Internal Service Status:")
	for _, v := range s.Services {
		fmt.Fprintf(w, "  %s\n", v)
	}
	s.printImported(w)
	if s.Database == "ok" {
		s.printCatalog(w)
	}
	fmt.Fprintf(w, "Blobs: %s, free: %s\n", cli.Bytes(s.BlobBytes), cli.Bytes(s.FreeBytes))
	if s.Certificate != nil {
		fmt.Fprintf(w, "Certificate: %s, until %s (%d days)\n", strings.Join(s.Certificate.Names, ", "), s.Certificate.NotAfter.Format(time.DateOnly), s.Certificate.DaysLeft(time.Now()))
	}
	fmt.Fprintf(w, "Trusted signers: %d\n", s.Signers)
	if s.LastImport != "" {
		fmt.Fprintf(w, "Last import: %s\n", s.LastImport)
	}
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "Warning: %s\n", cli.Clean(text))
	}
}

// manyKeys is how many account keys are listed one by one; JSON has them all.
const manyKeys = 20

func (s *status) printImported(w io.Writer) {
	if len(s.Stores) > 0 {
		fmt.Fprintf(w, "Imported stores: %s\n", cli.Clean(strings.Join(s.Stores, ", ")))
	}
	if len(s.AccountKeys) > manyKeys {
		fmt.Fprintf(w, "Account keys: %d\n", len(s.AccountKeys))
		return
	}
	for i, k := range s.AccountKeys {
		if i == 0 {
			fmt.Fprintln(w, "Account keys:")
		}
		fmt.Fprintf(w, "  %s %s %s\n", cli.Clean(k.Account), cli.Clean(k.Name), k.ID)
	}
}

func (s *status) printCatalog(w io.Writer) {
	fmt.Fprintf(w, "Snaps: %d, revisions: %d, assertions: %d\n", s.Snaps, s.Revisions, s.Assertions)
	if s.Charms > 0 {
		fmt.Fprintf(w, "Charms and charm bundles: %d, image manifests: %d\n", s.Charms, s.Images)
	}
}
