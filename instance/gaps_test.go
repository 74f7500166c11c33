package instance_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/closure"
	"offlinestore/instance"
	"offlinestore/internal/assertiontest"
	"offlinestore/snap"
)

func TestSetOf(t *testing.T) {
	t.Parallel()
	base := "core24"
	model := assertiontest.NewStack(t).NewAccount("acme", "device").Model("box", assertiontest.Headers{"required-snaps": []any{"hello"}})
	image := digest.FromString("image")
	row := charm.Release{Base: &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}, Channel: "latest/stable", Revision: 7,
		Resources: []charm.ResourceRef{{Name: "here", Revision: 1}, {Name: "away", Revision: 1}}}
	c := &catalog.Snapshot{
		Snaps: []catalog.Snap{
			{Name: "app", Revisions: []catalog.SnapRevision{{Revision: snap.Revision{Number: 1, Type: "app", Base: &base, Architectures: []string{"amd64"}}}},
				ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 1}}},
			// An operator's override counts as the channel map does: it opens a channel that upstream has closed.
			{Name: "snapd", Revisions: []catalog.SnapRevision{{Revision: snap.Revision{Number: 1, Type: "snapd", Architectures: []string{"amd64"}}}},
				ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable"}},
				Overrides:  []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 1}}},
		},
		Charms: []catalog.Charm{{Name: "db", Type: charm.TypeCharm, ChannelMap: []charm.Release{row},
			Revisions: []catalog.CharmRevision{{Revision: charm.Revision{Number: 7, MetadataYAML: "name: db\n"}, Snaps: []charm.SnapHint{{Name: "tool"}}}},
			Resources: []catalog.CharmResource{
				{Resource: charm.Resource{Name: "here", Revision: 1}, Image: &charm.Image{Name: "local/here:1", Digest: image.String()}},
				{Resource: charm.Resource{Name: "away", Revision: 1}, Image: &charm.Image{Name: "local/away:1", Digest: digest.FromString("away").String()}}}}},
		Images:     []catalog.Image{{Digest: image}},
		Assertions: []catalog.Assertion{{Type: "account", Raw: []byte("not read")}, {Type: "model", Raw: model.Raw()}},
	}
	set, err := instance.SetOf(c)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range set.Gaps() {
		got = append(got, g.String())
	}
	want := []string{
		"core24 for amd64 is needed by app",
		"hello for amd64 is needed by model acme/box",
		"image local/away:1 is needed by charm db revision 7",
		"snap tool for amd64 is needed by charm db revision 7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	c.Assertions[1].Raw = []byte("type: model\n")
	if _, err := instance.SetOf(c); err == nil {
		t.Error("no error for a model that can't be decoded")
	}
}

// TestGapsOfPrivateSnaps finds the private snaps that the devices of a model do not get.
func TestGapsOfPrivateSnaps(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	brand := stack.NewAccount("acme", "device")
	lab := stack.Store("lab", "acme", "", assertiontest.Headers{"friendly-stores": []any{"top"}, "url": nil})
	row := snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 1}
	c := &catalog.Snapshot{Stores: []catalog.Store{{ID: "pumps", BrandID: "acme", Parent: "top"}, {ID: "rival", BrandID: "rival", SnapIDs: []string{"id2"}}, {ID: "top", SnapIDs: []string{"id1"}}}}
	for i, name := range []string{"gadget", "tool"} {
		c.Snaps = append(c.Snaps, catalog.Snap{Name: name, SnapID: fmt.Sprint("id", i+1), Store: "top", ChannelMap: []snap.Release{row},
			Revisions: []catalog.SnapRevision{{Revision: snap.Revision{Number: 1, Type: "app", Architectures: []string{"amd64"}}}}})
	}
	for store, want := range map[string][]string{
		"pumps": {"tool is private to another store, and is needed by model acme/box"},
		"lab":   {"tool is private to another store, and is needed by model acme/box"},
		"rival": {"gadget is private to another store, and is needed by model acme/box", "tool is private to another store, and is needed by model acme/box"},
		"":      {"gadget is private to another store, and is needed by model acme/box", "tool is private to another store, and is needed by model acme/box"},
	} {
		headers := assertiontest.Headers{"required-snaps": []any{"gadget", "tool"}, "store": store}
		if store == "" {
			delete(headers, "store")
		}
		c.Assertions = []catalog.Assertion{{Type: "model", PrimaryKey: []string{"16", "acme", "box"}, Raw: brand.Model("box", headers).Raw()},
			{Type: "store", PrimaryKey: []string{"lab"}, Raw: lab.Raw()}}
		set, err := instance.SetOf(c)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range set.Gaps() {
			if g.Kind == closure.KindPrivate {
				got = append(got, g.String())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("store %q (-want +got):\n%s", store, diff)
		}
	}
}
