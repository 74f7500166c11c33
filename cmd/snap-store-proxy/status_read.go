package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// describeDatabase says how the database is.
func (s *status) describeDatabase(in *instance.Instance, failed error) {
	switch {
	case failed != nil:
		s.Database = "not available: " + cli.Clean(failed.Error())
		s.Warnings = append(s.Warnings, "the database is not available: nothing can be pushed, and serve knows only what it has loaded")
		s.Services = append(s.Services, serviceState{Name: "database", Problem: "see Store DB"})
		return
	case in.Cluster != nil:
		s.Cluster = fmt.Sprintf("private, PostgreSQL %d", in.Cluster.Version())
	default:
		s.Cluster = settings.DBConnection
	}
	s.Database = "ok"
	s.Services = append(s.Services, serviceState{Name: "database", Running: true})
}

// readHost looks at the settings and the disk.
func (s *status) readHost(_ context.Context, in *instance.Instance) error {
	v := in.Settings.Values()
	s.StoreID, s.URL = v.StoreID, strings.TrimSuffix(v.StoreURL, "/")
	if own := ownURL(v); s.URL == "" {
		s.URL = own
	} else if own != "" && own != s.URL {
		s.Warnings = append(s.Warnings, otherURL(s.URL, own))
	}
	if s.StoreID != "" && !in.Dir.HasStoreAssertion() {
		s.Warnings = append(s.Warnings, "the store's id is set and its assertion is missing, so that devices can't join: 'config --import-store-assertion FILE' takes it")
	}
	if err := in.Blobs.List(func(i blob.Info) error { s.BlobBytes += i.Size; return nil }); err != nil {
		return err
	}
	var err error
	if s.Damaged, _, err = in.Blobs.Quarantined(); err != nil {
		return err
	}
	if s.Damaged > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s in quarantine: push what they are of again; 'gc --all' removes them", cli.Count(s.Damaged, "damaged blob")))
	}
	dir := string(in.Dir)
	if s.FreeBytes, err = blob.Free(dir); err != nil {
		return err
	}
	if s.FreeBytes < lowSpace {
		s.Warnings = append(s.Warnings, fmt.Sprintf("only %s are free in %s", cli.Bytes(s.FreeBytes), dir))
	}
	s.checkSettingsMode(in.Dir.SettingsPath())
	return nil
}

// checkSettingsMode finds what an editor or a copy has made of the file that the secrets are in.
func (s *status) checkSettingsMode(path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("others can read %s, which has secrets in it: chmod 600 %[1]s", path))
	}
}

// otherURL says what to do about a store that devices look for at one URL, while its settings make it another.
func otherURL(signed, own string) string {
	if name, ok := strings.CutPrefix(signed, "https://"); ok && "http://"+name == own {
		return fmt.Sprintf("devices look for %s, and there is no certificate: 'import-certificate', or behind a balancer that ends TLS set %s", signed, settings.TrustForwardedProto)
	}
	return fmt.Sprintf("the store assertion is for %s, and the settings make it %s: set %s, or reregister", signed, own, settings.Domain)
}

// lowSpace is the free space, in bytes, under which a store is warned of a full disk.
const lowSpace = 2 << 30

// ownURL is where devices find the store by its settings; empty where they don't say. A balancer that is believed about https serves it.
func ownURL(v settings.Values) string {
	switch {
	case v.Domain == "":
		return ""
	case v.TLSCert != "", v.TrustForwardedProto:
		return "https://" + v.Domain
	}
	return "http://" + v.Domain
}

func (s *status) readTrust(_ context.Context, in *instance.Instance) error {
	signers, err := in.Trust.Signers()
	if err != nil {
		return err
	}
	if s.Signers = len(signers); s.Signers == 0 {
		s.Warnings = append(s.Warnings, "no signer of bundles is trusted: nothing can be pushed ('trust add')")
	}
	return nil
}

func (s *status) readCertificate(_ context.Context, in *instance.Instance) error {
	c, err := instance.Certificate(in.Settings)
	if err != nil {
		s.Warnings = append(s.Warnings, "the certificate can't be used: "+err.Error())
		return nil
	}
	if c == nil {
		return nil
	}
	info, now := c.Info(), time.Now()
	s.Certificate = &info
	domain := in.Settings.Values().Domain
	if domain != "" {
		if err := c.CheckName(domain); err != nil {
			s.Warnings = append(s.Warnings, err.Error())
		}
	}
	if err := c.CheckDates(now); err != nil {
		s.Warnings = append(s.Warnings, err.Error()+": devices refuse it ('import-certificate')")
	} else if days := info.DaysLeft(now); days < instance.ExpiresSoon {
		s.Warnings = append(s.Warnings, fmt.Sprintf("the certificate expires in %s: import another one ('import-certificate')", cli.Count(days, "day")))
	}
	return nil
}

// readCatalog needs the database.
func (s *status) readCatalog(ctx context.Context, in *instance.Instance) error {
	cat, err := in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return err
	}
	s.Generation, s.Snaps, s.Assertions, s.Charms, s.Images = cat.Generation, len(cat.Snaps), len(cat.Assertions), len(cat.Charms), len(cat.Images)
	for _, sn := range cat.Snaps {
		s.Revisions += len(sn.Revisions)
	}
	if err := s.readAssertions(cat); err != nil {
		return err
	}
	history, err := in.Catalog.History(ctx, "")
	if err != nil {
		return err
	}
	if len(history) > 0 {
		s.LastImport = history[0].ImportedAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if !in.Blobs.Has(b.Digest) {
			s.Missing++
		}
	}
	if s.Missing > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s missing on the disk, and not served: push the bundles that have them again", cli.Count(s.Missing, "blob")))
	}
	return s.readGaps(in, cat)
}

func (s *status) readAssertions(cat *catalog.Snapshot) error {
	for _, a := range cat.Assertions {
		switch a.Type {
		case "store":
			s.Stores = append(s.Stores, a.PrimaryKey[0])
		case "account-key":
			d, err := assertion.Decode(a.Raw)
			if err != nil {
				return fmt.Errorf("account-key %v: %w", a.PrimaryKey, err)
			}
			s.AccountKeys = append(s.AccountKeys, accountKey{d.HeaderString("account-id"), d.HeaderString("name"), a.PrimaryKey[0]})
		}
	}
	slices.Sort(s.Stores)
	slices.SortFunc(s.AccountKeys, compareKeys)
	return nil
}

// readGaps warns of the gaps that check finds.
func (s *status) readGaps(in *instance.Instance, cat *catalog.Snapshot) error {
	gaps, err := in.Gaps(cat)
	if err != nil {
		return err
	}
	s.Warnings = append(s.Warnings, cli.GapReport(gaps)...)
	return nil
}
