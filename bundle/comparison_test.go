package bundle_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/image"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/mutate"
	"offlinestore/snap"
)

// comparedHead returns a head with one item of each kind, in which no member is empty.
func comparedHead() *bundle.Head {
	row := snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6, ReleasedAt: "2026-01-02T03:04:05Z"}
	h := &bundle.Head{
		Snaps:          []*bundle.Snap{{Listing: snap.Listing{ChannelMap: []snap.Release{row}}, Icon: &bundle.Icon{}}},
		Revisions:      []*bundle.SnapRevision{{}},
		Charms:         []*bundle.Charm{{Icon: &bundle.Icon{}, Listing: charm.Listing{ChannelMap: []charm.Release{{Channel: "latest/stable", Base: &charm.Base{}}}}}},
		CharmRevisions: []*bundle.CharmRevision{{}},
		CharmResources: []*bundle.CharmResource{{}},
		Withdrawals:    []*bundle.Withdrawal{{}},
		Stores:         []*bundle.Store{{}},
		Repositories:   []*bundle.Repository{{}},
	}
	for _, item := range comparedItems(h) {
		mutate.Fill(item)
	}
	return h
}

// comparedItems returns the items of a head, whose every part has to be compared.
func comparedItems(h *bundle.Head) []any {
	return []any{&h.Snaps[0].Listing, h.Snaps[0].Icon, &h.Revisions[0].Item, &h.Charms[0].Listing, h.Charms[0].Icon, &h.CharmRevisions[0].Item, &h.CharmResources[0].ResourceItem, &h.Withdrawals[0].WithdrawalConfig, &h.Stores[0].Store, &h.Repositories[0].Repository}
}

// TestCompareSeesEveryMember changes each member of each item. Every change must be a difference.
func TestCompareSeesEveryMember(t *testing.T) {
	t.Parallel()
	a, b, n := comparedHead(), comparedHead(), 0
	if diffs, err := bundle.Compare(a, b); err != nil || len(diffs) > 0 {
		t.Fatalf("Compare of the same = %+v, %v; want no difference", diffs, err)
	}
	for _, item := range comparedItems(b) {
		mutate.Each(item, func(path string) bool {
			if path == "/kind" {
				return false // another kind is another item
			}
			n++
			diffs, err := bundle.Compare(a, b)
			if err != nil || len(diffs) == 0 {
				t.Errorf("Compare after a change of %T%s = %+v, %v; want a difference", item, path, diffs, err)
			}
			return false
		})
	}
	if n < 100 {
		t.Errorf("%d members were changed, want more than 100", n)
	}
}

// TestCompareTellsWhatChanged compares two exports of the same revision: a component is newer, another one is gone, and the declaration,
// the title and the icon differ.
func TestCompareTellsWhatChanged(t *testing.T) {
	t.Parallel()
	head := func(days int, title, revision string, components ...int) *bundle.Head {
		b := bundletest.New(t, days)
		s := b.AddSnap("jq", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6})
		s.Snap.Title = title
		s.Assertions = b.Stream(b.Stack.SnapDeclaration(s.SnapID, "jq", assertiontest.RootID, assertiontest.Headers{"revision": revision}))
		var blobs []bundle.Blob
		for _, n := range components {
			blobs = append(blobs, b.Blob(fmt.Sprint("component", n), 100))
		}
		r := b.AddRevision("jq", 6, b.Blob("jq_6", 1000), blobs...)
		for i, n := range components {
			r.Revision.Resources[i].Revision = n
		}
		return &bundle.Head{Snaps: b.Snaps, Revisions: b.Revisions}
	}
	a, b := head(1, "Old", "1", 5, 2), head(2, "New", "3", 8)
	diffs, err := bundle.Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range diffs {
		c := d.Change()
		got = append(got, fmt.Sprintf("%s %s %d %s %s: %s -> %s", c.What, c.Snap, c.Revision, c.Name, c.Field, c.Old, c.New))
	}
	id := a.Snaps[0].SnapID
	want := []string{"snap jq 0  title: Old -> New", "component jq 6 comp1 : 5 -> 8", "component jq 6 comp2 : 2 -> ",
		"assertion jq 0 snap-declaration/16/" + id + " : revision 1 -> revision 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if again, err := bundle.Compare(b, b); err != nil || !cmp.Equal(again, []bundle.Difference{}) {
		t.Errorf("Compare of the same = %+v, %v; want no difference", again, err)
	}
}

// TestCompareEpochs compares channels that hold a release for each epoch.
func TestCompareEpochs(t *testing.T) {
	t.Parallel()
	head := func(rows ...int) *bundle.Head {
		s := &bundle.Snap{Listing: snap.Listing{Name: "jq", SnapID: jqID}}
		for _, n := range rows {
			s.ChannelMap = append(s.ChannelMap, snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: n})
		}
		h := &bundle.Head{Snaps: []*bundle.Snap{s}}
		for n := 1; n <= 3; n++ {
			r := snap.Revision{Number: n, Epoch: snap.Epoch{Read: []uint32{uint32(n)}, Write: []uint32{uint32(n)}}}
			h.Revisions = append(h.Revisions, &bundle.SnapRevision{Item: snap.Item{Name: "jq", SnapID: jqID, Revision: r}})
		}
		return h
	}
	got, err := bundle.Compare(head(2), head(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	row := bundle.Difference{Snap: "jq", Kind: bundle.DifferentChannel, Channel: "latest/stable", Architecture: "amd64"}
	newest, older := row, row
	newest.From, newest.To = 2, 3
	older.From, older.To, older.Epoch = -1, 1, "1"
	if diff := cmp.Diff([]bundle.Difference{newest, older}, got); diff != "" {
		t.Errorf("Compare (-want +got):\n%s", diff)
	}
}

// TestCompareKnowsEveryKind adds each kind of item to a bundle. Compare must see it.
func TestCompareKnowsEveryKind(t *testing.T) {
	t.Parallel()
	whole := bundletest.New(t, 1).AddWholeCharm("app", 7, 3000).Add("jq", 6, 100)
	h := &bundle.Head{Snaps: whole.Snaps, Revisions: whole.Revisions, Charms: whole.Charms, CharmRevisions: whole.CharmRevisions, CharmResources: whole.CharmResources, Images: whole.Images,
		Withdrawals:  []*bundle.Withdrawal{{WithdrawalConfig: bundle.WithdrawalConfig{Kind: bundle.WithdrawnSnap, Name: "gone"}}},
		Repositories: []*bundle.Repository{{Repository: image.Repository{Name: "a/b", Images: []image.Image{{Digest: "sha256:1", Tags: map[string]string{"1": "host/a/b:1"}}}}}},
		Stores:       []*bundle.Store{{Store: snap.Store{BrandID: "acme-brand", ID: "acme", Name: "Acme"}}},
		Assertions:   []*bundle.Assertion{{Assertions: whole.Stream(whole.Stack.Account("nobody-else", "Nobody", nil))}}}
	v := reflect.ValueOf(h).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Name == "Payload" || f.Name == "Expected" || f.Name == "Part" || !f.IsExported() {
			continue // these follow from the items and the statement
		}
		if v.Field(i).Len() == 0 {
			t.Errorf("the test has no %s", f.Name)
			continue
		}
		without := *h
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		for _, pair := range [][2]*bundle.Head{{h, &without}, {&without, h}} {
			if diffs, err := bundle.Compare(pair[0], pair[1]); err != nil || len(diffs) == 0 {
				t.Errorf("Compare with and without %s = %+v, %v; want a difference", f.Name, diffs, err)
			}
		}
	}
}
