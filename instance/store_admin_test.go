package instance_test

import (
	"errors"
	"testing"

	"offlinestore/catalog"
	"offlinestore/instance"
	"offlinestore/internal/pgtest"
)

// TestAnotherStoreAdmin vouches for another account: the one before is no admin any more.
func TestAnotherStoreAdmin(t *testing.T) {
	t.Parallel()
	d := instance.Dir(t.TempDir())
	s, err := d.Settings()
	if err != nil {
		t.Fatal(err)
	}
	db, err := catalog.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	in := &instance.Instance{Dir: d, Settings: s, Catalog: db}
	for _, c := range []struct{ account, digest string }{{"ana", "aa"}, {"ana", "ab"}, {"bo", "bb"}} {
		if err := in.AddStoreAdmin(t.Context(), c.account, c.digest); err != nil {
			t.Fatal(err)
		}
		if v := in.Settings.Values(); v.StoreAdminID != c.account || v.StoreAdminDigest != c.digest {
			t.Errorf("the settings name %s %s", v.StoreAdminID, v.StoreAdminDigest)
		}
		if _, err := in.Catalog.Admin(t.Context(), c.account); err != nil {
			t.Error(err)
		}
	}
	if _, err := in.Catalog.Admin(t.Context(), "ana"); !errors.Is(err, catalog.ErrNoAdmin) {
		t.Errorf("the admin before: %v", err)
	}
}
