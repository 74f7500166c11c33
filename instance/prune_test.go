package instance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/instance"
	"offlinestore/internal/assertiontest"
	"offlinestore/snap"
)

// prunable returns a store in which each revision is needed for another reason, or for none:
//
//	tool  1 none, 2 was in a channel, 3 pinned by app 5, 4 in a channel, 5 by an override, 6 pinned by a validation set, 7 only by number
//	app   4 was in a channel, 5 pinned by kit 2, 6 was in a channel, 7 in a channel
//	data  of app: 1 was released with app 5 first, 2 was released with it last, 3 with app 6, 4 with app 7
//	kit   1 was in a channel and pins app 4, 2 in a channel
func prunable(t *testing.T) *catalog.Snapshot {
	t.Helper()
	tool := catalog.Snap{Name: "tool", SnapID: strings.Repeat("t", 32)}
	for n := 1; n <= 7; n++ {
		tool.Revisions = append(tool.Revisions, catalog.SnapRevision{Revision: snap.Revision{Number: n, Type: "app", Architectures: []string{"amd64"}}})
		if n < 7 {
			tool.History = append(tool.History, snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: n})
		}
	}
	tool.ChannelMap = []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 4}}
	tool.Overrides = []snap.Release{{Architecture: "amd64", Channel: "latest/edge", Revision: 5}}

	row := func(revision, data int) charm.Release {
		return charm.Release{Base: &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}, Channel: "latest/stable", Revision: revision,
			Resources: []charm.ResourceRef{{Name: "data", Revision: data}}}
	}
	app := catalog.Charm{Name: "app", Type: charm.TypeCharm, ChannelMap: []charm.Release{row(7, 4)},
		History: []charm.Release{row(7, 4), row(6, 3), row(5, 2), row(5, 1), row(4, 1)}}
	for n := 4; n <= 7; n++ {
		r := catalog.CharmRevision{Revision: charm.Revision{Number: n, Bases: []*charm.Base{row(n, 0).Base}}}
		if n == 5 {
			r.Snaps = []charm.SnapHint{{Name: "tool", Revisions: map[string]int{"amd64": 3}}}
		}
		app.Revisions = append(app.Revisions, r)
	}
	for n := 1; n <= 4; n++ {
		app.Resources = append(app.Resources, catalog.CharmResource{Resource: charm.Resource{Name: "data", Revision: n}})
	}
	kit := catalog.Charm{Name: "kit", Type: charm.TypeBundle, ChannelMap: []charm.Release{{Channel: "latest/stable", Revision: 2}},
		History: []charm.Release{{Channel: "latest/stable", Revision: 2}, {Channel: "latest/stable", Revision: 1}}}
	for n := 1; n <= 2; n++ {
		yaml := fmt.Sprintf("applications:\n  app: {charm: app, channel: stable, revision: %d}\n", n+3)
		kit.Revisions = append(kit.Revisions, catalog.CharmRevision{Revision: charm.Revision{Number: n, BundleYAML: yaml}})
	}
	set := assertiontest.NewStack(t).NewAccount("acme", "device").ValidationSet("base", 1, []any{
		map[string]any{"id": tool.SnapID, "name": "tool", "presence": "required", "revision": "6"}}, nil)
	return &catalog.Snapshot{Snaps: []catalog.Snap{tool}, Charms: []catalog.Charm{app, kit}, Assertions: []catalog.Assertion{{Type: "validation-set", Raw: set.Raw()}}}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	old := map[catalog.RevisionKey]time.Time{
		{Kind: catalog.ItemSnap, Name: "tool", Revision: 2}:                   time.Now().Add(-time.Hour),
		{Kind: catalog.ItemCharm, Name: "app", Resource: "data", Revision: 1}: time.Now().Add(-time.Hour),
		{Kind: catalog.ItemCharm, Name: "kit", Revision: 1}:                   time.Now().Add(-time.Hour),
		{Kind: catalog.ItemCharm, Name: "app", Revision: 6}:                   time.Now().Add(-72 * time.Hour),
		{Kind: catalog.ItemSnap, Name: "tool", Revision: 1}:                   time.Now().Add(-72 * time.Hour),
	}
	for name, test := range map[string]struct {
		o    instance.PruneOptions
		want string
	}{
		"all": {instance.PruneOptions{}, "snap tool [1 2], charm app [4 6] data[1 3], bundle kit [1]"},
		// The newest unneeded revision of each stays, with everything that it needs: app 6, and app 4 for kit 1.
		"keep": {instance.PruneOptions{Keep: 1}, "snap tool [1]"},
		// kit 1 is from an hour ago, and needs app 4.
		"older than a day":  {instance.PruneOptions{OlderThan: 24 * time.Hour}, "snap tool [1], charm app [6] data[3]"},
		"also by number":    {instance.PruneOptions{Unreleased: true}, "snap tool [1 2 7], charm app [4 6] data[1 3], bundle kit [1]"},
		"keep all of these": {instance.PruneOptions{Keep: 5}, ""},
	} {
		items, err := instance.PruneItems(test.o, old, prunable(t))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, it := range items {
			s := fmt.Sprint(it.Kind, " ", it.Name, " ", it.Revisions)
			var data []int
			for _, r := range it.Resources {
				data = append(data, r.Revision)
			}
			if len(data) > 0 {
				s += fmt.Sprint(" data", data)
			}
			got = append(got, s)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, ", "), test.want)
		}
	}
}

// TestPruneGatekeepers prunes a snap whose gatekeepers are in the history alone: 1 has data of epoch 0, 2 and 3 read epoch 0 and write 1, 4
// reads 1 and writes 2, and 5 and 6 need data of epoch 2. Another channel is closed.
func TestPruneGatekeepers(t *testing.T) {
	t.Parallel()
	s := catalog.Snap{Name: "tool", SnapID: strings.Repeat("t", 32)}
	for i, e := range []snap.Epoch{{Read: []uint32{0}, Write: []uint32{0}}, {Read: []uint32{0, 1}, Write: []uint32{1}}, {Read: []uint32{0, 1}, Write: []uint32{1}},
		{Read: []uint32{1, 2}, Write: []uint32{2}}, {Read: []uint32{2}, Write: []uint32{2}}, {Read: []uint32{2}, Write: []uint32{2}}} {
		s.Revisions = append(s.Revisions, catalog.SnapRevision{Revision: snap.Revision{Number: i + 1, Type: "app", Architectures: []string{"amd64"}, Epoch: e}})
		s.History = append([]snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: i + 1}}, s.History...)
	}
	s.History = append(s.History, snap.Release{Architecture: "amd64", Channel: "latest/edge", Revision: 2})
	s.ChannelMap = []snap.Release{{Architecture: "amd64", Channel: "latest/edge"}, {Architecture: "amd64", Channel: "latest/stable", Revision: 6}}
	items, err := instance.PruneItems(instance.PruneOptions{}, nil, &catalog.Snapshot{Snaps: []catalog.Snap{s}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(items[0].Revisions); got != "[1 2 5]" {
		t.Errorf("prune removes the revisions %s, want [1 2 5]: 3 and 4 lead devices with older data to 6", got)
	}
}
