package wanted_test

import (
	"slices"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/instance/wanted"
)

func item(kind, name, channel, arch string, revision int) catalog.Wanted {
	return catalog.Wanted{WantedKey: catalog.WantedKey{Kind: kind, Name: name, Channel: channel, Architecture: arch, Revision: revision}}
}

// TestFiles asks for the same items in several ways. A file names each of them once, or under names of their own.
func TestFiles(t *testing.T) {
	t.Parallel()
	snaps := wanted.Snaps([]catalog.Wanted{
		item(catalog.WantedSnap, "jq", "edge", "amd64", 0), item(catalog.WantedSnap, "jq", "", "arm64", 0), item(catalog.WantedSnap, "jq", "edge", "", 6),
		item(catalog.WantedSnapID, "id1", "beta", "", 0), item(catalog.WantedSnapID, "id1", "", "", 0),
	})
	if !slices.Equal(snaps.Channels, []string{"edge"}) || !slices.Equal(snaps.Architectures, []string{"amd64", "arm64"}) || !slices.Equal(snaps.Unnamed, []string{"id1"}) {
		t.Errorf("Snaps = %+v", snaps)
	}
	charms := wanted.Charms([]catalog.Wanted{
		item(catalog.WantedCharm, "app", "1/stable", "amd64", 0), item(catalog.WantedCharm, "app", "2/stable", "", 0), item(catalog.WantedCharmID, "id2", "", "", 0),
	})
	if !slices.Equal(charms.Unnamed, []string{"id2"}) {
		t.Errorf("Charms = %+v", charms)
	}
	for f, want := range map[*wanted.File]string{
		snaps:  "packages:\n  - name: jq\n  - name: jq\n    revision: 6\n",
		charms: "applications:\n  app:\n    charm: app\n    channel: 1/stable\n    constraints: arch=amd64\n  app-n2:\n    charm: app\n    channel: 2/stable\n",
	} {
		var got strings.Builder
		if err := f.WriteYAML(&got); err != nil || got.String() != want {
			t.Errorf("WriteYAML: %v, %q, want %q", err, got.String(), want)
		}
	}
}
