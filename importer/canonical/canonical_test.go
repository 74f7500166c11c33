package canonical_test

import (
	"testing"

	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

func TestReadExport(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	e, err := s.read(canonicaltest.FileName, tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)}))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Warnings) != 0 || !e.Created.Equal(canonicaltest.Exported()) || len(e.Assertions) == 0 {
		t.Errorf("ReadExport = %d assertions, made at %s, with the warnings %q", len(e.Assertions), e.Created, e.Warnings)
	}
	if len(e.Charms) != 1 || e.Charms[0].ID != bundletest.CharmID("app") || len(e.Charms[0].ChannelMap) != 2 {
		t.Errorf("charms = %+v, want app with its ID and two rows", e.Charms)
	}
	if len(e.Revisions) != 1 || s.blobs[e.Revisions[0].Blob] == "" {
		t.Errorf("revisions = %+v, want one that was stored", e.Revisions)
	}
	if len(e.Resources) != 2 || s.blobs[e.Resources[0].Blob] != "some data" || e.Resources[1].Blob != "" || e.Resources[1].Resource.Name != "image" {
		t.Errorf("resources = %+v, want a file that was stored and an image", e.Resources)
	}
	s.keepsNo("s3cr3t")
}
