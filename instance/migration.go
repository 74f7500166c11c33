package instance

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"offlinestore/catalog"
	"offlinestore/closure"
	"offlinestore/instance/settings"
)

// Migration describes the progress of a store that replaces the original product on its network. For a data folder that does not
// exist yet, everything is zero except Original.
type Migration struct {
	// Original comes from the caller.
	Original Original

	Domain string
	// Prepared reports whether the database answers and the store has its secrets.
	Prepared bool
	// StoreID names the store. Registered reports whether its assertion is here, too.
	StoreID    string
	Registered bool
	Signers    int
	// Database is the reason why the database is not available. Packages and Gaps are then unknown.
	Database error
	// Packages counts the snaps and the charms. Gaps are the needs that the store cannot fill.
	Packages int
	Gaps     []closure.Gap
}

// Complete reports whether the store holds packages and has no gaps.
func (m *Migration) Complete() bool { return m.Packages > 0 && len(m.Gaps) == 0 }

// Original describes the remains of the original product: its store assertion and its settings.
type Original struct {
	// Assertion is the path of its store assertion. It is empty if there is none.
	Assertion string
	// Settings are the settings that this store can take over, and Ignored the ones without a meaning here. Settings is nil if nobody
	// has given the original's settings.
	Settings map[string]string
	Ignored  []settings.Omission
}

// FindOriginalAssertion returns the path of the store assertion that the original keeps in its data folder. If dir is empty, it
// searches the folders where the original's snaps keep their data. The path is empty if there is no such file.
func FindOriginalAssertion(dir string) string {
	dirs := []string{"/var/snap/enterprise-store/common", "/var/snap/snap-store-proxy/common"}
	if dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "nginx", "airgap", "store.assert")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Migration examines the store. It creates nothing.
func (d Dir) Migration(ctx context.Context, o Options, original Original) (*Migration, error) {
	m := &Migration{Original: original}
	if _, err := os.Stat(string(d)); errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
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
	v := in.Settings.Values()
	m.Domain, m.StoreID, m.Signers = v.Domain, h.StoreID, h.Signers
	m.Registered = h.StoreID != "" && !h.NoStoreAssertion
	if m.Database = failed; failed != nil {
		return m, nil
	}
	m.Prepared = v.Airgap
	cat, err := in.Catalog.LoadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	return m, m.addCatalog(in, cat)
}

func (m *Migration) addCatalog(in *Instance, cat *catalog.Snapshot) (err error) {
	m.Packages = len(cat.Snaps) + len(cat.Charms)
	m.Gaps, err = in.Gaps(cat)
	return err
}
