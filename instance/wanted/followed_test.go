package wanted_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	followed "offlinestore/instance/wanted"
	"offlinestore/snap"
	"offlinestore/wanted"
)

// TestFollow writes the file of a store. The exporter must accept it, even if clients have asked for hostile names.
func TestFollow(t *testing.T) {
	t.Parallel()
	base := func(arch string) *charm.Base {
		return &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: arch}
	}
	pinned := "sha256:" + strings.Repeat("3", 64)
	cat := &catalog.Snapshot{
		Snaps: []catalog.Snap{
			{Name: "jq", ChannelMap: []snap.Release{
				{Architecture: "amd64", Channel: "latest/edge", Revision: 8, ReleasedAt: "x"}, {Architecture: "amd64", Channel: "latest/stable", Revision: 6, ReleasedAt: "x"},
				{Architecture: "arm64", Channel: "latest/stable", Revision: 7, ReleasedAt: "x"}, {Architecture: "amd64", Channel: "chp/stable", Revision: 5},
				{Architecture: "amd64", Channel: "latest/beta"}}},
			{Name: "secret", Store: "acme"},
		},
		Charms: []catalog.Charm{
			{Name: "pg", Type: charm.TypeCharm, ChannelMap: []charm.Release{{Channel: "14/stable", Base: base("amd64"), Revision: 1}, {Channel: "14/stable", Base: base("arm64"), Revision: 1}},
				Resources: []catalog.CharmResource{{Resource: charm.Resource{Name: "image"}, Image: &charm.Image{Name: "local/pg:1", Digest: "sha256:1"}}}},
			{Name: "kit", Type: charm.TypeBundle, ChannelMap: []charm.Release{{Channel: "latest/stable", Revision: 2}}},
		},
		Repositories: []catalog.Repository{{Name: "apps/app", Images: []catalog.RepositoryImage{
			{Digest: "sha256:1", Source: "ghcr.io/apps/app:1", Platforms: []string{"linux/amd64", "linux/arm64/v8"}, Tagged: true},
			{Digest: "sha256:2", Source: "ghcr.io/apps/app:1", Tagged: true}, {Digest: digest.Digest(pinned), Source: "ghcr.io/apps/app@" + pinned}},
			Tags: []catalog.RepositoryTag{{Tag: "1", Digest: "sha256:1", Source: "ghcr.io/apps/app:1"}, {Tag: "stable", Digest: "sha256:1", Source: "ghcr.io/apps/app:1"}}}},
		Stores:     []catalog.Store{{ID: "abase", Name: "Base"}, {ID: "acme", Name: "Acme", Parent: "abase"}, {ID: "other", Name: "Other"}},
		Assertions: []catalog.Assertion{{Type: "validation-set", PrimaryKey: []string{"16", "acme", "tools", "3"}}, {Type: "model", PrimaryKey: []string{"16", "acme", "pump"}, Raw: []byte("type: model\nseries: 16\n\nAXNp\n")}},
	}
	list := []catalog.Wanted{item(catalog.WantedSnap, "hello\nreceivers: [x]\x1b[2J", "edge", "amd64", 0)}
	list[0].Count, list[0].Last = 3, time.Unix(0, 0)
	var got bytes.Buffer
	if err := followed.Follow(cat).Write(&got, list, []string{"core24 for amd64 is needed by jq"}); err != nil {
		t.Fatal(err)
	}
	want := `# What this store follows, for 'store-admin export wanted.yaml'.
# the snap secret is private to the store acme, and comes with it
# the store other goes into a file of its own, since a bundle has one

snaps:
  - name: jq
    architectures: [amd64]
    revision: 5
    push_channel: chp/stable
  - name: jq
    channels: [latest/edge]
    architectures: [amd64]
  - name: jq
    channels: [latest/stable]
    architectures: [amd64, arm64]
charms:
  - name: pg
    channels: [14/stable]
    architectures: [amd64, arm64]
    bases: [ubuntu@22.04]
    resources:
      image: local/pg:1
bundles:
  - name: kit
    channels: [latest/stable]
images:
  - name: ghcr.io/apps/app:1
    architectures: [amd64, arm64]
  - name: ghcr.io/apps/app:1
    as: apps/app:stable
    architectures: [amd64, arm64]
  - name: ghcr.io/apps/app@sha256:` + strings.Repeat("3", 64) + `
validation-sets:
  - acme/tools
models:
  - assertion: |
      type: model
      series: 16

      AXNp
stores:
  - acme

# Clients have asked for these in vain:
#   - {name: hello?receivers: [x]?[2J, channels: [edge], architectures: [amd64]}  # snap, 3 times, last on 1970-01-01

# These dependencies are missing:
#   core24 for amd64 is needed by jq
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
	f, err := wanted.Parse("wanted.yaml", got.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Snaps) != 3 || len(f.Charms) != 1 || f.Charms[0].Resources["image"].Image != "local/pg:1" || !strings.HasPrefix(f.Models[0].Assertion, "type: model\n") {
		t.Errorf("the file asks for %+v", f)
	}
}
