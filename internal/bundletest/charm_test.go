package bundletest_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// TestWholeCharm checks that an importer accepts the charms of tests: the bundle is read back and verified, and the
// archives are opened.
func TestWholeCharm(t *testing.T) {
	t.Parallel()
	b := bundletest.New(t, 0).AddWholeCharm("app", 7, 3000)
	b.AddCharmBundle("kit", charm.Release{Channel: "latest/stable", Revision: 2})
	b.AddBundleRevision("kit", 2, "applications:\n  app:\n    charm: app\n    channel: latest/stable\n")
	r, err := bundle.NewReader("test", bytes.NewReader(b.Tar(bundle.None)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Verify(t.Context(), []bundle.PublicKey{bundletest.Public(t, b.Key)}); err != nil {
		t.Fatal(err)
	}
	h, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Check(h, b.Stack.Trust(), b.Predicate.Created); err != nil {
		t.Error(err)
	}
	blobs := make(map[digest.Digest][]byte)
	for {
		desc, content, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if blobs[desc.Digest], err = io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.Charms) != 2 || len(h.CharmRevisions) != 2 || len(h.CharmResources) != 2 || len(h.Images) != 3 || len(blobs) != 7 {
		t.Errorf("%d charms, %d revisions, %d resources, %d manifests, %d blobs; want 2, 2, 2, 3 and 7",
			len(h.Charms), len(h.CharmRevisions), len(h.CharmResources), len(h.Images), len(blobs))
	}
	for _, rev := range h.CharmRevisions {
		raw := blobs[rev.Blob.Digest]
		if rev.Type == charm.TypeBundle {
			a, err := charm.OpenBundleArchive(bytes.NewReader(raw), int64(len(raw)))
			if err != nil {
				t.Fatal(err)
			}
			if a.BundleYAML != rev.Revision.BundleYAML || a.ReadmeMD != rev.Revision.ReadmeMD {
				t.Errorf("the archive of %s is not what its item says", rev.Name)
			}
			continue
		}
		a, err := charm.OpenArchive(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{a.MetadataYAML, a.ConfigYAML, a.ActionsYAML}
		if diff := cmp.Diff(got, []string{rev.Revision.MetadataYAML, rev.Revision.ConfigYAML, rev.Revision.ActionsYAML}); diff != "" {
			t.Errorf("files (-archive +item):\n%s", diff)
		}
		if diff := cmp.Diff(a.Bases, []charm.Base{*bundletest.Base("22.04")}); diff != "" {
			t.Errorf("bases (-archive +want):\n%s", diff)
		}
	}
}
