package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/outside"
	"offlinestore/cmd/internal/parts"
	"offlinestore/instance"
)

// status is the printed form of a store's state.
type status struct {
	*instance.Health
	Version  string   `json:"version"`
	Warnings []string `json:"warnings"`
	// Online is nil in air-gapped mode.
	Online *outside.State `json:"online,omitempty"`
}

func (s *status) print(w io.Writer) {
	url := s.URL
	if url == "" {
		url = "that of the request (proxy.domain is not set)"
	}
	fmt.Fprintf(w, "Store URL: %s\n", url)
	if s.Cluster != "" {
		fmt.Fprintf(w, "Store DB: %s (%s)\n", cli.Clean(s.Database), s.Cluster)
	} else {
		fmt.Fprintf(w, "Store DB: %s\n", cli.Clean(s.Database))
	}
	s.printMode(w)
	fmt.Fprintln(w, "Internal Service Status:")
	for _, v := range s.Services {
		fmt.Fprintf(w, "  %s\n", serviceLine(v))
	}
	if s.AdminKey != "" {
		fmt.Fprintf(w, "Administration key: %s\n", s.AdminKey)
	}
	if s.Identity != nil {
		fmt.Fprintf(w, "Identity: %s (%s)\n", cmp.Or(s.Identity.Recipient, "damaged"), s.Identity.File)
	}
	s.printImported(w)
	if s.HasDatabase() {
		s.printCatalog(w)
	}
	fmt.Fprintf(w, "Blobs: %s, free: %s\nStorage: %s\n", cli.Bytes(s.BlobBytes), cli.Bytes(s.FreeBytes), cli.Clean(s.Storage))
	if s.Certificate != nil {
		fmt.Fprintf(w, "Certificate: %s, until %s (%d days)\n", strings.Join(s.Certificate.Names, ", "), s.Certificate.NotAfter.Format(time.DateOnly), s.Certificate.DaysLeft(time.Now()))
	}
	fmt.Fprintf(w, "Trusted signers: %d\n", s.Signers)
	if s.Audit != nil {
		fmt.Fprintf(w, "Audit trail: %s, %s\n", cli.Count(int(s.Audit.Rows), "row"), cli.Bytes(s.Audit.Bytes))
	}
	if s.LastImport != "" {
		fmt.Fprintf(w, "Last import: %s\n", s.LastImport)
	}
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "Warning: %s\n", cli.Clean(text))
	}
}

// printMode prints the mode of the store, its ID, and the lines of an online store.
func (s *status) printMode(w io.Writer) {
	if s.Airgapped {
		fmt.Fprintln(w, "Store is in air-gapped mode")
	} else {
		fmt.Fprintln(w, "Store is online, and not in air-gapped mode ('enable-airgap-mode' ends that)")
	}
	if s.StoreID != "" {
		fmt.Fprintf(w, "Store ID: %s\n", s.StoreID)
	} else {
		fmt.Fprintln(w, "Store ID: none (no store assertion was imported)")
	}
	if s.Online != nil {
		s.Online.Print(w)
	}
}

// manyKeys is the maximal number of account keys that are listed one by one. JSON has all of them.
const manyKeys = 20

func (s *status) printImported(w io.Writer) {
	if len(s.Stores) > 0 {
		fmt.Fprintf(w, "Imported stores: %s\n", cli.Clean(strings.Join(s.Stores, ", ")))
	}
	if len(s.ValidationSets) > 0 {
		fmt.Fprintf(w, "Validation sets: %s\n", cli.Clean(strings.Join(s.ValidationSets, ", ")))
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
	s.printServers(w)
	fmt.Fprintf(w, "Snaps: %d, revisions: %d, assertions: %d\n%s", s.Snaps, s.Revisions, s.Assertions, cli.Line(overview.HoldsLine(s.Holds)))
	if s.Repositories > 0 {
		fmt.Fprintf(w, "Repositories of images that belong to no charm: %d\n", s.Repositories)
	}
	if s.Charms > 0 {
		fmt.Fprintf(w, "Charms and charm bundles: %d, image manifests: %d\n", s.Charms, s.Images)
	}
	parts.PrintWaiting(w, s.Waiting)
}

// printServers lists the processes that serve the store.
func (s *status) printServers(w io.Writer) {
	if len(s.Servers) == 0 {
		return
	}
	fmt.Fprintln(w, "Servers:")
	for _, v := range s.Servers {
		state := fmt.Sprintf("silent for %s", (time.Duration(v.Silent) * time.Second))
		if v.Alive {
			state = "running since " + v.Started.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "  %s: version %s, generation %d, %s\n", cli.Clean(v.Host), cli.Clean(v.Version), v.Generation, state)
	}
}

// serviceLine returns the line of a service in the original product's form.
func serviceLine(s instance.ServiceState) string {
	switch {
	case s.Running && s.Problem == "":
		return s.Name + ": running"
	case s.Running:
		return s.Name + ": running, " + cli.Clean(s.Problem)
	}
	return s.Name + ": not running: " + cli.Clean(s.Problem)
}
