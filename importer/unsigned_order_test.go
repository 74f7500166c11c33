package importer_test

import (
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

// TestSignedAfterUnsigned checks that unsigned content does not block signed content: neither a revision of other bytes, nor a made-up ID.
func TestSignedAfterUnsigned(t *testing.T) {
	t.Parallel()
	for name, members := range map[string][]member{
		"with its ID": {{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)}},
		"without":     {{"app.tar.gz", tarGz(t, member{"app_20.charm", canonicaltest.AppCharm(t)}, member{"resources/app.data_4", "some data"})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if _, err := s.Apply(t.Context(), s.mustRead(canonicaltest.FileName, tarGz(t, members...)).Verified); err != nil {
				t.Fatal(err)
			}
			b := bundletest.New(t, 1).AddWholeCharm("app", 20, 1000)
			report := s.mustPush(b.Tar(bundle.None))
			if len(report.CharmRevisions) != 1 {
				t.Errorf("report = %+v, want the revision as a new one", report)
			}
			served := s.served()
			if len(served.Charms) != 1 || served.Charms[0].ID != bundletest.CharmID("app") {
				t.Fatalf("served = %+v, want the charm once, with its own ID", served.Charms)
			}
			app := served.Charms[0]
			if len(app.Revisions) != 1 || app.Revisions[0].Blob != b.CharmRevisions[0].Blob.Digest {
				t.Errorf("revisions = %+v, want that of the signed bundle", app.Revisions)
			}
			if len(app.Resources) < 2 {
				t.Errorf("resources = %+v, want those of both", app.Resources)
			}
			// In the other order it stays an error, or the charm is recognized by its name.
			u, err := s.read(canonicaltest.FileName, tarGz(t, member{"app.tar.gz", tarGz(t, member{"app_20.charm", canonicaltest.AppCharm(t)})}))
			if err == nil {
				_, err = s.Apply(t.Context(), u.Verified)
			}
			if err == nil {
				t.Error("an unsigned file replaced a revision that was signed")
			}
		})
	}
}
