package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/certificate"
	"offlinestore/closure"
	"offlinestore/instance/pgcluster"
	"offlinestore/instance/settings"
)

// LowSpace is the free space, in bytes, below which a store warns of a full disk.
const LowSpace = 2 << 30

// databaseOK is the state of a database that answers.
const databaseOK = "ok"

// Health is the state of a store: its place, its services, its content, and its faults.
type Health struct {
	URL string `json:"url"`
	// Airgapped reports that the store was set up.
	Airgapped bool   `json:"air-gapped"`
	StoreID   string `json:"store-id"`
	// Database is "ok", or the reason why the database is not available.
	Database string `json:"database"`
	// DatabaseRestarts are the unexpected ends of a private cluster.
	DatabaseRestarts *pgcluster.Restarts `json:"database-restarts,omitempty"`
	Cluster          string              `json:"cluster"`
	Services         []ServiceState      `json:"services"`
	// AdminKey is the fingerprint of the key by which administrators recognise the store. It is empty before the first start.
	AdminKey string `json:"admin-key,omitempty"`
	// Identity is the key that bundles for this store are encrypted to, or nil.
	Identity *IdentityState `json:"identity,omitempty"`
	// Stores are the IDs of the imported stores of brands, and of store assertions.
	Stores []string `json:"stores"`
	// AccountKeys are the imported keys, which came with stores and snaps.
	AccountKeys []AccountKey `json:"account-keys"`
	// ValidationSets are the imported points of validation sets: "account/name=sequence".
	ValidationSets []string `json:"validation-sets"`
	Generation     int64    `json:"generation"`
	Snaps          int      `json:"snaps"`
	Revisions      int      `json:"revisions"`
	Assertions     int      `json:"assertions"`
	Charms         int      `json:"charms"`
	Images         int      `json:"image-manifests"`
	Repositories   int      `json:"repositories"`
	// Storage is the place of the blobs.
	Storage     string            `json:"storage"`
	BlobBytes   int64             `json:"blob-bytes"`
	FreeBytes   int64             `json:"free-bytes"`
	Damaged     int               `json:"quarantined-blobs"`
	Missing     int               `json:"missing-blobs"`
	Signers     int               `json:"trusted-signers"`
	LastImport  string            `json:"last-import,omitempty"`
	Holds       []catalog.Hold    `json:"holds"`
	Certificate *certificate.Info `json:"certificate,omitempty"`
	// Audit is nil without a database.
	Audit *AuditState `json:"audit,omitempty"`
	// ConnectedDevices is the number of devices that an online store gave sessions to in the last 30 days. It is nil without a database.
	ConnectedDevices *int `json:"-"`
	// Servers are the processes that serve this store.
	Servers []ServerState `json:"servers"`
	// Waiting are the divided bundles that wait for parts.
	Waiting []WaitingBundle `json:"waiting-bundles,omitempty"`

	Faults `json:"-"`
}

// Faults are the faults of a store that Health's numbers do not tell.
type Faults struct {
	// OwnURL is the URL that the settings make, if the store assertion is for another one.
	OwnURL string
	// NoStoreAssertion reports that the store has an ID and no assertion.
	NoStoreAssertion bool
	// OpenSettings reports that others can read the file of the settings.
	OpenSettings bool
	// ReadOnly reports that the file system of the data folder takes no changes.
	ReadOnly bool
	// Certificate is the reason why the certificate in the settings cannot be used, CertificateName why it is for another host, and
	// CertificateDates why it is not valid now.
	Certificate, CertificateName, CertificateDates error
	// InS3 reports that blobs are in S3.
	InS3 bool
	// StorageDown reports that S3 does not answer, so that nothing is known about blobs.
	StorageDown bool
	// Gaps are the needs that the store cannot fill.
	Gaps []closure.Gap
}

// AccountKey is an account-key assertion as people know it.
type AccountKey struct {
	Account string `json:"account-id"`
	Name    string `json:"name"`
	ID      string `json:"public-key-sha3-384"`
}

// HasDatabase reports whether the database answered.
func (h *Health) HasDatabase() bool { return h.Database == databaseOK }

// Health examines the store. If the database is down, it returns everything else, and the error.
func (d Dir) Health(ctx context.Context, o Options) (*Health, error) {
	o.Existing = true
	in, failed := d.OpenDegraded(ctx, o)
	if in == nil {
		return nil, failed
	}
	defer in.Close() // nothing was written
	h, err := in.HostHealth(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.addCertificate(in.Settings); err != nil {
		return nil, err
	}
	services, err := ProbeServices(ctx, in.Settings)
	if err != nil {
		return nil, err
	}
	h.Services = append(services, h.Services...)
	if failed != nil {
		h.Database = "not available: " + failed.Error()
		h.Services = append(h.Services, ServiceState{Name: "database", Problem: "see Store DB"})
		return h, failed
	}
	if err := h.addCatalog(ctx, in); err != nil {
		return nil, err
	}
	h.Database, h.Cluster = databaseOK, settings.DBConnection
	if in.Cluster != nil {
		h.Cluster = fmt.Sprintf("private, PostgreSQL %d", in.Cluster.Version())
		if r, err := in.Cluster.Restarts(); err == nil && r.Count > 0 {
			h.DatabaseRestarts = &r
		}
	}
	h.Services = append(h.Services, ServiceState{Name: "database", Running: true})
	return h, nil
}

// HostHealth examines the settings, the trust and the disk. It needs no database.
func (in *Instance) HostHealth(ctx context.Context) (*Health, error) {
	h := &Health{Services: []ServiceState{}, Servers: []ServerState{}, Stores: []string{}, AccountKeys: []AccountKey{}, ValidationSets: []string{}, Holds: []catalog.Hold{}}
	v := in.Settings.Values()
	h.Airgapped = v.Airgap
	h.AdminKey, h.Identity = AdminKey(in.Settings), in.Dir.identityState()
	h.StoreID, h.URL = v.StoreID, strings.TrimSuffix(v.StoreURL, "/")
	if own := OwnURL(v); h.URL == "" {
		h.URL = own
	} else if own != h.URL {
		h.OwnURL = own
	}
	h.NoStoreAssertion = h.StoreID != "" && !in.Dir.HasStoreAssertion()
	info, err := os.Stat(in.Dir.SettingsPath())
	h.OpenSettings = err == nil && info.Mode().Perm()&0o077 != 0 // an editor or a copy may have changed the mode
	h.ReadOnly = isReadOnly(string(in.Dir))
	signers, err := in.Trust.Signers()
	if err != nil {
		return nil, err
	}
	h.Signers = len(signers)
	return h, h.addDisk(ctx, in)
}

func (h *Health) addDisk(ctx context.Context, in *Instance) (err error) {
	if err := h.addBlobs(ctx, in); err != nil {
		return err
	}
	h.FreeBytes, err = blob.Free(string(in.Dir))
	return err
}

// storageTime bounds the time in which S3 has to list its blobs.
const storageTime = 20 * time.Second

// addBlobs counts the blobs. If S3 is down, the rest of the state is still of use.
func (h *Health) addBlobs(ctx context.Context, in *Instance) error {
	ctx, cancel := context.WithTimeout(ctx, storageTime)
	defer cancel()
	h.Storage, h.Faults.InS3 = in.StorageName(), !in.Blobs.AreInFolder()
	err := in.Blobs.List(ctx, func(i blob.Info) error { h.BlobBytes += i.Size; return nil })
	if err == nil {
		h.Damaged, err = in.Blobs.Quarantined(ctx)
	}
	var down *blob.UnavailableError
	if errors.As(err, &down) || errors.Is(err, context.DeadlineExceeded) {
		h.Faults.StorageDown = true
		h.Services = append(h.Services, ServiceState{Name: "s3", Problem: err.Error()})
		return nil
	}
	if err == nil && h.Faults.InS3 {
		h.Services = append(h.Services, ServiceState{Name: "s3", Running: true})
	}
	return err
}

func (h *Health) addCertificate(s *settings.Settings) error {
	c, err := Certificate(s)
	var bad *CertificateError
	if errors.As(err, &bad) {
		h.Faults.Certificate = err
		return nil
	}
	if err != nil || c == nil {
		return err
	}
	info := c.Info()
	h.Certificate = &info
	if domain := s.Values().Domain; domain != "" {
		h.CertificateName = c.CheckName(domain)
	}
	h.CertificateDates = c.CheckDates(time.Now())
	return nil
}

func (h *Health) addCatalog(ctx context.Context, in *Instance) error {
	if err := h.addAudit(ctx, in.Catalog.Trail()); err != nil {
		return err
	}
	cat, err := in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return err
	}
	h.Generation, h.Snaps, h.Assertions, h.Charms, h.Images = cat.Generation, len(cat.Snaps), len(cat.Assertions), len(cat.Charms), len(cat.Images)
	h.Repositories = len(cat.Repositories)
	h.Holds = append([]catalog.Hold{}, cat.Holds...)
	for _, sn := range cat.Snaps {
		h.Revisions += len(sn.Revisions)
	}
	if err := h.addAssertions(cat); err != nil {
		return err
	}
	history, err := in.Catalog.History(ctx, "")
	if err != nil {
		return err
	}
	if len(history) > 0 {
		h.LastImport = history[0].ImportedAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	if h.Servers, err = in.Servers(ctx); err != nil {
		return err
	}
	devices, err := in.Catalog.CountEdgeDevices(ctx)
	if err != nil {
		return err
	}
	h.ConnectedDevices = &devices
	if h.Waiting, err = in.WaitingBundles(ctx); err != nil {
		return err
	}
	blobs, err := in.Catalog.Blobs(ctx)
	if err != nil {
		return err
	}
	if h.Missing, err = in.countMissing(ctx, blobs); err != nil && !h.Faults.StorageDown {
		return err
	}
	h.Gaps, err = in.Gaps(cat)
	return err
}

func (h *Health) addAssertions(cat *catalog.Snapshot) error {
	for i := range cat.Stores {
		h.Stores = append(h.Stores, cat.Stores[i].ID)
	}
	for _, a := range cat.Assertions {
		switch a.Type {
		case "store":
			h.Stores = append(h.Stores, a.PrimaryKey[0])
		case "validation-set":
			_, name, _ := strings.Cut(assertion.Ref{Type: a.Type, PrimaryKey: a.PrimaryKey}.Name(), " ")
			h.ValidationSets = append(h.ValidationSets, name)
		case "account-key":
			d, err := assertion.Decode(a.Raw)
			if err != nil {
				return fmt.Errorf("account-key %v: %w", a.PrimaryKey, err)
			}
			h.AccountKeys = append(h.AccountKeys, AccountKey{d.HeaderString("account-id"), d.HeaderString("name"), a.PrimaryKey[0]})
		}
	}
	slices.Sort(h.Stores)
	h.Stores = slices.Compact(h.Stores)
	slices.Sort(h.ValidationSets)
	slices.SortFunc(h.AccountKeys, func(a, b AccountKey) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return nil
}
