package importer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

// realData returns the folder of genuine files. It may be missing unless the environment names it.
func realData(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	dir := filepath.Join("..", "..", "shared", "realdata") // beside the module
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data; OFFLINESTORE_REALDATA says where it is")
	}
	return dir
}

// realCharms returns genuine charms by their names.
func realCharms(t *testing.T) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	for name, file := range map[string]string{
		"test-charm": "charmcraft__6c86ab9f__test-charm_amd64.charm", "wordpress-k8s": "juju__df641541__wordpress.charm", "charm": "python-libjuju__18fcbc60__charm.charm",
	} {
		b, err := os.ReadFile(filepath.Join(realData(t), "charms", file))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

// TestRealCharms imports genuine charms in both ways, and wants the same result from both.
func TestRealCharms(t *testing.T) {
	t.Parallel()
	charms := realCharms(t)
	unsigned := newSite(t)
	members := []member{}
	for name, b := range charms {
		members = append(members, member{name + ".tar.gz", tarGz(t, member{name + "_7.charm", string(b)})})
	}
	u := unsigned.mustRead(canonicaltest.FileName, tarGz(t, members...))
	if _, err := unsigned.Apply(t.Context(), u.Verified); err != nil {
		t.Fatal(err)
	}
	signed := newSite(t)
	signedCharms(t, signed, unsigned)
	got, want := unsigned.served().Charms, signed.served().Charms
	if len(got) != len(charms) || len(want) != len(got) {
		t.Fatalf("%d and %d charms, want %d", len(got), len(want), len(charms))
	}
	for i := range got {
		if len(got[i].ChannelMap) == 0 {
			t.Errorf("%s is in no channel", got[i].Name)
		}
		if diff := cmp.Diff(want[i].Revisions, got[i].Revisions); diff != "" {
			t.Errorf("%s (-signed +unsigned):\n%s", got[i].Name, diff)
		}
	}
}

// signedCharms pushes the content that a site serves to another one, in a signed bundle.
func signedCharms(t *testing.T, to, from *site) {
	t.Helper()
	b := bundletest.New(t, 1)
	for _, c := range from.served().Charms {
		b.AddCharm(c.Name, c.ChannelMap...).ID = c.ID
		for _, r := range c.Revisions {
			content, err := os.ReadFile(filepath.Join(from.blobs, "sha256", r.Blob.Encoded()))
			if err != nil {
				t.Fatal(err)
			}
			blob := b.BlobOf(content)
			b.CharmRevisions = append(b.CharmRevisions, &bundle.CharmRevision{
				Item: charm.Item{ID: c.ID, Name: c.Name, Type: c.Type, Revision: r.Revision, Snaps: r.Snaps},
				Blob: bundle.File{Digest: blob.Digest, Size: blob.Size},
			})
		}
	}
	to.mustPush(b.Tar(bundle.Gzip))
}
