package cli_test

import (
	"slices"
	"testing"

	"offlinestore/cmd/internal/cli"
	"offlinestore/difference"
)

func TestChangeLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change difference.Change
		want   string
	}{
		{difference.Change{What: difference.Component, Snap: "jq", Revision: 6, Name: "docs", Old: "5", New: "8"}, "jq revision 6: component docs: 5 -> 8"},
		{difference.Change{What: difference.Component, Snap: "jq", Revision: 6, Name: "docs", Old: "5"}, "jq revision 6: component docs: 5 -> none"},
		{difference.Change{What: difference.Component, Snap: "jq", Revision: 6, Name: "docs", Field: "older-file", New: "5"}, "jq revision 6: file of older component docs: none -> 5"},
		{difference.Change{What: difference.Snap, Snap: "jq", Field: "description"}, "jq description changed"},
		{difference.Change{What: difference.Snap, Snap: "jq", Field: "title", Old: "a", New: "\x1b[2Jb"}, "jq title: a -> \uFFFD[2Jb"},
		{difference.Change{What: difference.Icon, Charm: "app", Old: "sha256:a", New: "sha256:b"}, "app icon changed"},
		{difference.Change{What: difference.Icon, Charm: "app", New: "sha256:b"}, "app icon added"},
		{difference.Change{What: difference.Icon, Charm: "app", Old: "sha256:b"}, "app icon removed"},
		{difference.Change{What: difference.Metadata, Charm: "app", Revision: 7, Field: "version", Old: "1", New: "2"}, "app revision 7: version: 1 -> 2"},
		{difference.Change{What: difference.Resource, Charm: "app", Revision: 3, Name: "data", Field: "filename", Old: "a", New: "b"}, "app resource data revision 3: filename: a -> b"},
		{difference.Change{What: difference.Release, Charm: "app", Channel: "1/stable", Base: "ubuntu@22.04 amd64", Name: "data", Old: "3", New: "4"}, "app 1/stable for ubuntu@22.04 amd64: resource data: 3 -> 4"},
		{difference.Change{What: difference.Release, Snap: "jq", Channel: "1/stable", Architecture: "amd64", Field: "released-at", Old: "x", New: "y"}, "jq 1/stable for amd64: released-at: x -> y"},
		{difference.Change{What: difference.Assertion, Name: "account/x", Old: "revision 1", New: "revision 2"}, "assertion account/x: revision 1 -> revision 2"},
		{difference.Change{What: difference.Manifest, Name: "sha256:a", Field: "manifests"}, "image sha256:a: manifests changed"},
		{difference.Change{What: difference.Store, Name: "acme", New: "Acme"}, "store acme: none -> Acme"},
		{difference.Change{What: difference.Store, Name: "acme", Field: "parent", New: "top"}, "store acme: parent: none -> top"},
		{difference.Change{What: difference.StoreSnap, Name: "acme", Snap: "tool", New: "acme"}, "tool joined the store acme"},
		{difference.Change{What: difference.StoreSnap, Name: "acme", Snap: "tool", Old: "acme"}, "tool left the store acme"},
		{difference.Change{What: difference.StoreSnap, Name: "acme", Snap: "tool", Field: "store", Old: "x", New: "y"}, "tool store acme: store: x -> y"},
		{difference.Change{What: "later", Snap: "jq", Field: "x", Old: "1", New: "2"}, "jq later x: 1 -> 2"},
	} {
		if got := cli.ChangeLine(tt.change); got != tt.want {
			t.Errorf("ChangeLine(%+v) = %q, want %q", tt.change, got, tt.want)
		}
	}
	list := []difference.Change{{What: difference.Snap}, {What: "later"}, {What: difference.Charm}, {What: difference.Component}}
	if got, want := cli.CountChanges(list), []string{"1 component", "2 details", "1 other change"}; !slices.Equal(got, want) {
		t.Errorf("CountChanges = %q, want %q", got, want)
	}
}
