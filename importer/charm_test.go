package importer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// withCharms adds a charm with a file and an image, and a bundle with that charm.
func withCharms(b *bundletest.Bundle) *bundletest.Bundle {
	b.AddWholeCharm("postgresql", 7, 5000)
	b.Charms[0].Icon = &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG charm")}
	b.AddMissingResource("postgresql", "extra")
	b.AddCharmBundle("cos-lite", charm.Release{Channel: "latest/stable", Revision: 2})
	b.AddBundleRevision("cos-lite", 2, "applications:\n  db:\n    charm: postgresql\n")
	return b
}

func TestImportCharms(t *testing.T) {
	t.Parallel()
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := withCharms(bundletest.New(t, 1).Add("jq", 6, 700))
			packed := b.Tar(c)
			o, err := s.open(packed)
			if err != nil {
				t.Fatal(err)
			}
			content := o.Content()
			if diff := cmp.Diff([]any{[]string{"jq"}, []string{"postgresql"}, []string{"cos-lite"}, 1}, []any{content.Snaps, content.Charms, content.Bundles, content.Images}); diff != "" {
				t.Errorf("Content (-want +got):\n%s", diff)
			}
			report, err := s.finish(o)
			if err != nil {
				t.Fatal(err)
			}
			counts := []int{len(report.CharmRevisions), len(report.CharmResources), len(report.CharmMoves), report.Images, len(report.SnapRevisions)}
			if diff := cmp.Diff([]int{2, 3, 2, 3, 1}, counts); diff != "" {
				t.Errorf("charm revisions, resources, moves, manifests and snaps (-want +got):\n%s", diff)
			}
			got := s.served()
			if len(got.Charms) != 2 || len(got.Images) != 3 {
				t.Fatalf("serves %d charms and %d manifests, want 2 and 3", len(got.Charms), len(got.Images))
			}
			pg := got.Charms[1]
			want := b.CharmRevisions[0]
			if diff := cmp.Diff(catalog.CharmRevision{Revision: want.Revision, Blob: want.Blob.Digest}, pg.Revisions[0]); diff != "" {
				t.Errorf("revision (-want +got):\n%s", diff)
			}
			if pg.Icon == nil || pg.Icon.Blob != digest.FromString("\x89PNG charm") || pg.Resources[0].Blob == "" || pg.Resources[2].Image == nil {
				t.Errorf("serves %+v, want an icon, a file and an image", pg)
			}
			if !s.upToDate(packed) {
				t.Error("UpToDate = false after the import")
			}
		})
	}
}

// TestImportedCharms checks that each blob that is removed is missed, and that a second push brings it back.
func TestImportedCharms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	packed := withCharms(bundletest.New(t, 1)).Tar(bundle.None)
	s.mustPush(packed)
	blobs, err := s.Store.Blobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Two archives, a file, an icon, an index, two manifests, and their configs and layers.
	if len(blobs) < 2+1+1+3+2 {
		t.Errorf("%d blobs are in use, want all of the charms'", len(blobs))
	}
	for _, b := range blobs {
		must(t, s.Blobs.Remove(t.Context(), b.Digest))
		if s.upToDate(packed) {
			t.Errorf("UpToDate = true without blob %s", b.Digest)
		}
		if r := s.mustPush(packed); !r.AlreadyImported || len(r.CharmRevisions)+len(r.CharmResources)+len(r.CharmMoves)+r.Images > 0 {
			t.Errorf("push that repairs %s: %+v, want it to be known", b.Digest, r)
		}
	}
	s.served()
}

// TestArchiveThatIsNotItsItem checks that a charm is refused if its files differ from the store's metadata, as Juju refuses it. The archive
// may be new or held before.
func TestArchiveThatIsNotItsItem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustPush(withCharms(bundletest.New(t, 1)).Tar(bundle.None))
	before := s.served()
	for name, c := range map[string]struct {
		edit func(*bundletest.Bundle)
		want string
	}{
		"metadata": {func(b *bundletest.Bundle) { b.CharmRevisions[0].Revision.MetadataYAML += "assumes: []\n" }, "metadata.yaml"},
		"config":   {func(b *bundletest.Bundle) { b.CharmRevisions[0].Revision.ConfigYAML = "{}\n" }, "config.yaml"},
		"actions":  {func(b *bundletest.Bundle) { b.CharmRevisions[0].Revision.ActionsYAML = "" }, "actions.yaml"},
		"bases": {func(b *bundletest.Bundle) {
			r := b.CharmRevisions[0]
			r.Revision.Bases = append(r.Revision.Bases, bundletest.Base("24.04"))
		}, "ubuntu@24.04"},
		"architecture": {func(b *bundletest.Bundle) {
			base := *bundletest.Base("22.04")
			base.Architecture = "arm64"
			b.CharmRevisions[0].Revision.Bases = append(b.CharmRevisions[0].Revision.Bases, &base)
		}, "arm64"},
		"bundle.yaml": {func(b *bundletest.Bundle) { b.CharmRevisions[1].Revision.BundleYAML += "\n" }, "bundle.yaml"},
		"readme":      {func(b *bundletest.Bundle) { b.CharmRevisions[1].Revision.ReadmeMD += "\n" }, "README.md"},
		"name": {func(b *bundletest.Bundle) {
			r := bundletest.New(t, 0).AddCharmRevision("other", 7, *bundletest.Base("22.04"))
			b.CharmRevisions[0].Blob, b.CharmRevisions[0].Revision = archiveOf(b, "other"), r.Revision
		}, "calls itself other"},
		"no zip": {func(b *bundletest.Bundle) {
			setArchive(b, 0, b.BlobOf([]byte("#!/bin/sh\n")))
		}, "zip"},
		"no bundle": {func(b *bundletest.Bundle) {
			r := b.CharmRevisions[0]
			b.CharmRevisions[1].Blob, b.CharmRevisions[1].Revision.Download = r.Blob, r.Revision.Download
		}, "bundle.yaml"},
	} {
		for _, held := range []bool{false, true} {
			site := s
			if !held {
				site = newSite(t)
			}
			b := withCharms(bundletest.New(t, 2))
			c.edit(b)
			packed := b.Tar(bundle.None)
			_, err := site.push(packed)
			var mismatch *bundle.MismatchError
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, held: %v: push = %v, want a MismatchError that names %q", name, held, err, c.want)
			}
			if !held && len(site.served().Charms) != 0 {
				t.Errorf("%s: a charm is served", name)
			}
		}
	}
	s.serves(before)
}

// archiveOf returns the archive of revision 7 of another charm.
func archiveOf(b *bundletest.Bundle, name string) bundle.File {
	r := b.AddCharmRevision(name, 7, *bundletest.Base("22.04"))
	b.CharmRevisions = b.CharmRevisions[:len(b.CharmRevisions)-1]
	return r.Blob
}

func setArchive(b *bundletest.Bundle, i int, blob bundle.Blob) {
	r := b.CharmRevisions[i]
	r.Blob = bundle.File{Digest: blob.Digest, Size: blob.Size}
	r.Revision.Download = charm.Download{SHA256: blob.Digest.Encoded(), Size: blob.Size}
}

// TestWrongSHA384 checks the SHA-384 of a resource, by which Juju verifies it.
func TestWrongSHA384(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	make := func(days int, lie bool) []byte {
		b := withCharms(bundletest.New(t, days))
		if lie {
			b.CharmResources[0].Resource.Download.SHA384 = strings.Repeat("0", 96)
		}
		return b.Tar(bundle.None)
	}
	lying := make(2, true)
	refused := func() {
		t.Helper()
		_, err := s.push(lying)
		var damaged *bundle.BlobError
		if !errors.As(err, &damaged) || damaged.Title != "postgresql.data_7" || !strings.Contains(err.Error(), "SHA-384") {
			t.Errorf("push = %v, want a BlobError that names postgresql.data_7 and SHA-384", err)
		}
	}
	refused()
	s.serves(before)
	if got := s.missing(lying); got != 5000 {
		t.Errorf("%d bytes are missing afterwards, want the 5000 of the wrong file", got)
	}
	s.mustPush(make(1, false))
	before = s.served()
	refused() // now that it is held
	s.serves(before)
}

// TestBlobOfSeveralKinds checks that the SHA3-384 of a snap is verified even if a resource has the same bytes.
func TestBlobOfSeveralKinds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := withCharms(bundletest.New(t, 1))
	blob := b.Blob("resource postgresql_7", 5000)
	b.AddSnap("twin")
	b.AddRevision("twin", 1, blob)
	s.mustPush(b.Tar(bundle.None))
	got := s.served()
	if got.Snaps[0].Revisions[0].Blob != got.Charms[1].Resources[0].Blob {
		t.Errorf("the snap is %s and the resource %s, want the same blob", got.Snaps[0].Revisions[0].Blob, got.Charms[1].Resources[0].Blob)
	}
	lie := withCharms(bundletest.New(t, 2))
	lie.AddSnap("twin")
	wrong := lie.Blob("resource postgresql_7", 5000)
	wrong.SHA3384[3] ^= 1
	lie.AddRevision("twin", 2, wrong)
	for _, site := range []*site{s, newSite(t)} {
		if _, err := site.push(lie.Tar(bundle.None)); err == nil || !strings.Contains(err.Error(), "SHA3-384") {
			t.Errorf("push under another SHA3-384 = %v, want an error that names it", err)
		}
	}
}

// TestDamagedImage checks that a damaged or missing layer is named, and that good blobs are kept.
func TestDamagedImage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	files := bundletest.Unpack(t, withCharms(bundletest.New(t, 2)).Tar(bundle.None))
	dir := t.TempDir()
	bundletest.UnpackTo(t, dir, files)
	last := files[len(files)-1]
	must(t, os.Remove(filepath.Join(dir, last.Header.Name)))
	_, err := s.pushDir(dir)
	var damaged *bundle.BlobError
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "image-") && !strings.Contains(err.Error(), "postgresql") {
		t.Errorf("push without a blob = %v, want a BlobError that says whose it is", err)
	}
	if n := len(s.served().Images); n != 0 {
		t.Errorf("%d images are served, want none", n)
	}
	bundletest.UnpackTo(t, dir, files[len(files)-1:])
	if _, err := s.pushDir(dir); err != nil {
		t.Errorf("push with the blob = %v", err)
	}
}

// TestSmallAndSparseImage imports an artifact whose config is {}, which stands in the head of each bundle, and a sparse index, which lacks
// some of its children.
func TestSmallAndSparseImage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := bundletest.New(t, 1)
	b.AddCharm("app")
	b.AddCharmRevision("app", 1, *bundletest.Base("22.04"))
	layer := b.BlobOf([]byte("layer"))
	manifest := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[{"mediaType":"x/y","digest":%q,"size":5}]}`,
		digest.FromString("{}"), layer.Digest)
	b.AddImageResource("app", "image", 1, b.AddManifest(ocispec.MediaTypeImageManifest, []byte(manifest)).Digest)
	index := b.AddImage("sparse", "linux/amd64", "linux/arm64")
	arm := b.Images[2].Digest
	b.RemoveManifest(arm)
	b.AddImageResource("app", "image", 2, index)
	b.AddImageResource("app", "image", 3, digest.FromString("left out of the export"))
	s.mustPush(b.Tar(bundle.None))
	if held, err := s.Blobs.Has(t.Context(), digest.FromString("{}"), 2); err != nil || !held {
		t.Error("the config {} is not in the store")
	}
	c := s.served()
	if len(c.Images) != 3 {
		t.Errorf("%d manifests, want 3", len(c.Images))
	}
	for _, im := range c.Images {
		if im.Digest == index && (len(im.Children) != 1 || im.Children[0] == arm) {
			t.Errorf("the index has the children %v, want the one that is in the bundle", im.Children)
		}
	}
}
