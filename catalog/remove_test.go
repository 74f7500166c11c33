package catalog_test

import (
	"errors"
	"slices"
	"testing"

	"offlinestore/catalog"
)

// remove removes items without asking whether something needs them.
func remove(tb testing.TB, s *catalog.DB, items ...catalog.Item) *catalog.Removed {
	tb.Helper()
	r, err := s.Remove(tb.Context(), removal(items...))
	if err != nil {
		tb.Fatalf("Remove(%+v) = %v", items, err)
	}
	return r
}

func removal(items ...catalog.Item) *catalog.Removal {
	return &catalog.Removal{
		Reason: catalog.ReasonRemove, By: "op",
		Choose:  func(*catalog.Snapshot) ([]catalog.Item, error) { return items, nil },
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil },
	}
}

func isImported(tb testing.TB, s *catalog.DB, in *catalog.Import) bool {
	tb.Helper()
	r, err := planOne(tb.Context(), s, in)
	if err != nil {
		tb.Fatal(err)
	}
	return r.UpToDate
}

// TestRemoveSnap removes a snap with all that belongs to it. The other snap stays as it was, and the same bundle brings the snap back.
func TestRemoveSnap(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	a := with(with(imp("a", 0), "jq", []int{6, 7}, "latest/stable/amd64=7", "latest/edge/amd64=6", "latest/beta/amd64=0"), "hello", []int{3}, "latest/stable/amd64=3")
	a.Assertions = []catalog.Assertion{{Type: "snap-declaration", PrimaryKey: []string{"16", snapID("jq")}, Raw: []byte("jq")}}
	apply(t, s, a)
	set(t, s, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 6})
	before := load(t, s)

	got := remove(t, s, catalog.Item{Kind: catalog.ItemSnap, Name: "jq", Whole: true})
	diff(t, "Remove", *got, catalog.Removed{
		Snaps: []string{"jq"}, SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 6, Size: 1006}, {Snap: "jq", Revision: 7, Size: 1007}},
		SnapMoves: []catalog.SnapMove{{"jq", "amd64", "latest/beta", 0, -1, ""}, {"jq", "amd64", "latest/edge", 6, -1, ""}, {"jq", "amd64", "latest/stable", 7, -1, ""}},
		Overrides: []catalog.SnapMove{{"jq", "amd64", "latest/stable", 6, -1, ""}, {"jq", "arm64", "latest/stable", 6, -1, ""}},
		Blobs:     2, Size: 2013,
	})
	after := load(t, openReader(t, dsn))
	if len(after.Snaps) != 1 || after.Snaps[0].Name != "hello" || after.Generation == before.Generation || len(after.Assertions) != 1 {
		t.Errorf("after the removal: %+v, generation %d after %d", after.Snaps, after.Generation, before.Generation)
	}
	unused, err := s.UnusedBlobs(t.Context())
	if err != nil || len(unused) != 2 {
		t.Errorf("UnusedBlobs = %+v, %v, want the blobs of jq", unused, err)
	}
	list, err := s.Removals(t.Context())
	if err != nil || len(list) != 1 || list[0].RemovedBy != "op" || list[0].Reason != "remove" || list[0].Forced {
		t.Fatalf("Removals = %+v, %v", list, err)
	}
	diff(t, "the report in the history", list[0].Report, *got)

	if isImported(t, s, a) {
		t.Error("the bundle of the removed snap counts as imported")
	}
	r := apply(t, s, a)
	if revisions, moves := r.Changes(); revisions != 2 || moves != 3 {
		t.Errorf("pushing the bundle again adds %d revisions and %d rows, want 2 and 3", revisions, moves)
	}
	if !isImported(t, s, a) {
		t.Error("the bundle does not count as imported after it was pushed again")
	}
	back := load(t, s)
	diff(t, "the rows of jq", rows(back.Snaps[1].ChannelMap), rows(before.Snaps[1].ChannelMap))
	if len(back.Snaps[1].Overrides) != 0 {
		t.Errorf("the overrides %+v came back", back.Snaps[1].Overrides)
	}
}

// TestRemoveRevision removes one revision, with the row that holds it. Another bundle's row stays.
func TestRemoveRevision(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	b := with(imp("b", 1), "jq", []int{7}, "latest/stable/amd64=7", "latest/stable/arm64=7")
	apply(t, s, b)
	apply(t, s, with(imp("c", 2), "jq", []int{8}, "latest/stable/arm64=8"))
	got := remove(t, s, catalog.Item{Kind: catalog.ItemSnap, Name: "jq", Revisions: []int{7}})
	diff(t, "Remove", *got, catalog.Removed{
		SnapRevisions: []catalog.SnapRevisionRef{{Snap: "jq", Revision: 7, Size: 1007}},
		SnapMoves:     []catalog.SnapMove{{"jq", "amd64", "latest/stable", 7, -1, ""}}, Blobs: 1, Size: 1007,
	})
	jq := load(t, s).Snaps[0]
	diff(t, "rows", rows(jq.ChannelMap), []string{"latest/stable/arm64=8"})
	if slices.ContainsFunc(rows(jq.History), func(r string) bool { return r == "latest/stable/amd64=7" || r == "latest/stable/arm64=7" }) || len(jq.Revisions) != 2 {
		t.Errorf("history %v, %d revisions: want nothing of revision 7", rows(jq.History), len(jq.Revisions))
	}
	apply(t, s, b)
	diff(t, "rows after the bundle was pushed again", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=7", "latest/stable/arm64=8"})
}

// TestRemoveCharm removes a charm with its resources. An image that another charm needs stays.
func TestRemoveCharm(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := withCharm(imp("a", 0), "app", []int{5}, "latest/stable@ubuntu 22.04 amd64=5,data:1,image:1")
	withImage(withFile(in, "app", "data", 1), "app", "image", 1, "app/image")
	withCharm(in, "web", []int{2}, "latest/stable@ubuntu 22.04 amd64=2,shared:1,image:1")
	withImage(withImage(in, "web", "image", 1, "web/image"), "web", "shared", 1, "web/shared")
	withManifest(withManifest(withIndex(in, "image", "child"), "child", "layer"), "shared", "layer")
	apply(t, s, in)
	got := remove(t, s, catalog.Item{Kind: catalog.ItemCharm, Name: "web", Whole: true})
	if got.Images != 1 || got.Blobs != 3 || len(got.CharmResources) != 2 || len(got.CharmMoves) != 1 {
		t.Errorf("removing web removes %+v; want 2 resources, a row, and of the images only shared, without its layer", got)
	}
	got = remove(t, s, catalog.Item{Kind: catalog.ItemCharm, Name: "app", Whole: true})
	c := load(t, s)
	if got.Images != 2 || len(c.Charms) != 0 || len(c.Images) != 0 {
		t.Errorf("removing app removes %d images, want the index and its child; left are %+v and %+v", got.Images, c.Charms, c.Images)
	}
	if used, err := s.Blobs(t.Context()); err != nil || len(used) != 0 {
		t.Errorf("Blobs = %+v, %v, want none", used, err)
	}
	apply(t, s, in)
	if c := load(t, s); len(c.Charms) != 2 || len(c.Images) != 3 {
		t.Errorf("pushed again: %d charms and %d images, want 2 and 3", len(c.Charms), len(c.Images))
	}
}

// TestRemoveCharmRevision removes the resources that were released only with the removed revision.
func TestRemoveCharmRevision(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := withCharm(imp("a", 0), "app", []int{5, 6}, "latest/stable@ubuntu 22.04 amd64=6,data:3,tool:1", "latest/edge@ubuntu 22.04 amd64=5,data:2,tool:1")
	withFile(withFile(withFile(withFile(in, "app", "data", 1), "app", "data", 2), "app", "data", 3), "app", "tool", 1)
	apply(t, s, in)
	got := remove(t, s, catalog.Item{Kind: catalog.ItemCharm, Name: "app", Revisions: []int{5}})
	if len(got.CharmResources) != 1 || got.CharmResources[0].Revision != 2 || len(got.Charms) != 0 {
		t.Errorf("removed resources %+v of charms %v; want revision 2 of data, and the charm stays", got.CharmResources, got.Charms)
	}
	diff(t, "rows", charmRows(load(t, s).Charms[0].ChannelMap), []string{"latest/stable@ubuntu 22.04 amd64=6,data:3,tool:1"})
}

// TestRemoveRefused changes nothing: in a dry run, after an error of Approve, and if there is nothing to remove.
func TestRemoveRefused(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	before := load(t, s)
	jq := catalog.Item{Kind: catalog.ItemSnap, Name: "jq", Whole: true}

	dry := removal(jq)
	dry.DryRun = true
	if r, err := s.Remove(t.Context(), dry); err != nil || len(r.Snaps) != 1 {
		t.Errorf("a dry run = %+v, %v, want the snap", r, err)
	}
	refused, errRefused := removal(jq), errors.New("refused")
	refused.Approve = func(before, after *catalog.Snapshot, _ *catalog.Removed) error {
		if len(before.Snaps) != 1 || len(after.Snaps) != 0 {
			t.Errorf("Approve compares %d snaps with %d, want 1 with 0", len(before.Snaps), len(after.Snaps))
		}
		return errRefused
	}
	if r, err := s.Remove(t.Context(), refused); !errors.Is(err, errRefused) || len(r.Snaps) != 1 {
		t.Errorf("a refused removal = %+v, %v, want the snap and the error", r, err)
	}
	remove(t, s)
	diff(t, "the catalogue", load(t, s), before)
	if list, err := s.Removals(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("Removals = %+v, %v, want none", list, err)
	}
}
