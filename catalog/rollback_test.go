package catalog_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"offlinestore/audit"
	"offlinestore/catalog"
)

func rollback(tb testing.TB, s *catalog.DB, o catalog.Rollback) *catalog.RolledBack {
	tb.Helper()
	plan := o
	plan.DryRun = true
	want, err := s.Rollback(tb.Context(), plan)
	if err != nil {
		tb.Fatalf("plan of %+v: %v", o, err)
	}
	got, err := s.Rollback(tb.Context(), o)
	if err != nil {
		tb.Fatalf("Rollback(%+v) = %v", o, err)
	}
	if got.Rollback == 0 || want.Rollback != 0 {
		tb.Errorf("the rollback has number %d, its plan %d", got.Rollback, want.Rollback)
	}
	want.Rollback = got.Rollback
	diff(tb, "the plan", want, got)
	return got
}

// TestRollbackOfEverything takes back an import that has moved channels of snaps and charms, renamed an image and withdrawn a snap. The
// catalogue is as before, but for its revisions.
func TestRollbackOfEverything(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	first := withEpochs(with(imp("first", 0), "jq", []int{6}, "latest/stable/amd64=6", "latest/beta/amd64=0"), "latest/stable/amd64=3", "latest/stable/amd64=2")
	apply(t, s, withImage(withCharm(first, "app", []int{1}, "latest/stable"+jammy+"=1,image:1"), "app", "image", 1, "charm/old"))
	before := content(t, s)
	next := withEpochs(imp("next", 1), "latest/stable/amd64=2", "latest/stable/amd64=4")
	withdraw(withImage(withCharm(next, "app", []int{1, 2}, "latest/stable"+jammy+"=2,image:1", "2/stable"+jammy+"=2"), "app", "image", 1, "charm/new"), catalog.ItemSnap, "jq")
	apply(t, s, next)
	moment := load(t, s).Moment

	r := rollback(t, s, catalog.Rollback{By: "ana"})
	diff(t, "moves", r.SnapMoves, []catalog.SnapMove{{"jq", "amd64", "latest/stable", 0, 6, ""}, {"stepper", "amd64", "latest/stable", 4, 3, ""}})
	diff(t, "moves of charms", r.CharmMoves, []catalog.CharmMove{
		{Charm: "app", Base: "ubuntu@22.04 amd64", Channel: "2/stable", From: 2, To: -1}, {Charm: "app", Base: "ubuntu@22.04 amd64", Channel: "latest/stable", From: 2, To: 1}})
	diff(t, "images", r.ImageMoves, []catalog.ImageMove{{Charm: "app", Resource: "image", Revision: 1, From: "charm/new", To: "charm/old"}})
	diff(t, "withdrawals", r.Withdrawals, []catalog.Withdrawal{{Kind: "snap", Name: "jq", Reason: "gone"}})
	c := content(t, s)
	for i := range before.Snaps {
		diff(t, "rows of "+before.Snaps[i].Name, c.Snaps[i].ChannelMap, before.Snaps[i].ChannelMap)
		now := load(t, s)
		diff(t, "rows of now, from the history", now.Snaps[i].AsOf(now.Moment).ChannelMap, before.Snaps[i].ChannelMap)
		if got := rows(now.Snaps[i].AsOf(moment).ChannelMap); fmt.Sprint(got) == fmt.Sprint(rows(before.Snaps[i].ChannelMap)) {
			t.Errorf("rows of %s before the rollback, from the history: %v, as after it", before.Snaps[i].Name, got)
		}
	}
	diff(t, "rows of the charm", charmRows(c.Charms[0].ChannelMap), charmRows(before.Charms[0].ChannelMap))
	diff(t, "image", c.Charms[0].Resources[0].Image, before.Charms[0].Resources[0].Image)

	again := apply(t, s, next)
	if again.TakenBack != r.Rollback || !again.UpToDate || len(again.Kept) == 0 {
		t.Errorf("the bundle again reports %+v", again)
	}
	forced := *next
	forced.PushChannelMap = true
	if again := apply(t, s, &forced); again.TakenBack != 0 || len(again.SnapMoves) != 2 || len(again.CharmMoves) != 2 {
		t.Errorf("the bundle again, by force, reports %+v", again)
	}
	if got := load(t, s).Charms[0].Resources[0].Image.Name; got != "charm/new" {
		t.Errorf("the image is %s", got)
	}
}

// TestHoldOfEmptyStore holds everything before the first import, and again after it. The hold is still older than the import, so taking a later
// one back brings nothing into its channels.
func TestHoldOfEmptyStore(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	hold := func() {
		if _, err := s.Hold(t.Context(), catalog.Holding{Kind: catalog.ItemAll, By: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	hold()
	for day := range 2 {
		apply(t, s, with(imp(fmt.Sprint(day), day), "jq", []int{day + 1}, fmt.Sprintf("latest/stable/amd64=%d", day+1)))
	}
	hold()
	rollback(t, s, catalog.Rollback{})
	if got := rows(load(t, s).Snaps[0].Served()); len(got) > 0 {
		t.Errorf("a held snap has the channels %v", got)
	}
}

// TestRollbackKeepsOrder takes a bundle back, and pushes an older one. It counts as if the first one had never come, and so does a later one.
func TestRollbackKeepsOrder(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for _, in := range []*catalog.Import{
		with(imp("a", 1), "jq", []int{1}, "latest/stable/amd64=1"),
		with(imp("a again", 5), "jq", []int{1}, "latest/stable/amd64=1"), // renews the row
		with(imp("bad", 9), "jq", []int{9}, "latest/stable/amd64=9"),
	} {
		apply(t, s, in)
	}
	rollback(t, s, catalog.Rollback{})
	for _, test := range []struct{ day, want int }{{3, 1}, {7, 7}, {8, 8}, {6, 8}, {9, 9}} {
		if test.day == 9 { // the bad one again
			apply(t, s, with(imp("bad", 9), "jq", []int{9}, "latest/stable/amd64=9"))
			test.want = 8
		} else {
			apply(t, s, with(imp(fmt.Sprint("of day ", test.day), test.day), "jq", []int{test.day}, fmt.Sprintf("latest/stable/amd64=%d", test.day)))
		}
		diff(t, fmt.Sprint("after the bundle of day ", test.day), rows(load(t, s).Snaps[0].ChannelMap), []string{fmt.Sprintf("latest/stable/amd64=%d", test.want)})
	}
}

// TestRollbackRefuses names what keeps a rollback from being made.
func TestRollbackRefuses(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	ctx := t.Context()
	refused := func(o catalog.Rollback) error {
		_, err := s.Rollback(ctx, o)
		return err
	}
	if _, ok := errors.AsType[*catalog.NoImportError](refused(catalog.Rollback{})); !ok {
		t.Errorf("rollback of nothing: %v", refused(catalog.Rollback{}))
	}
	for day := range 4 {
		apply(t, s, with(imp(fmt.Sprint(day), day), "jq", []int{day + 1}, fmt.Sprintf("latest/stable/amd64=%d", day+1)))
	}
	exec(t, dsn, `update import set replaced = null where id <= 2`)
	e, ok := errors.AsType[*catalog.RollbackError](refused(catalog.Rollback{Import: 2}))
	if !ok || e.Import != 2 || e.Reach != 3 {
		t.Errorf("rollback past an import of an older program: %+v", e)
	}
	plan, err := s.Rollback(ctx, catalog.Rollback{Import: 3, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetOverrides(ctx, "ana", []catalog.OverrideChange{{Name: "jq", Channel: "stable", Revision: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := refused(catalog.Rollback{Import: 3, Generation: plan.Generation}); !errors.Is(err, catalog.ErrChanged) {
		t.Errorf("rollback after a change: %v", err)
	}
	if _, err := s.Apply(ctx, &catalog.Import{Bundle: imp("x", 1).Bundle, Generation: plan.Generation}); !errors.Is(err, catalog.ErrChanged) {
		t.Errorf("import after a change: %v", err)
	}
}

// TestRollbackKeepsPrivateSnaps takes back the import that made a snap private. It stays private, and its channels are gone.
func TestRollbackKeepsPrivateSnaps(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{1}, "latest/stable/amd64=1"))
	apply(t, s, withStore(withPrivate(imp("b", 1), "pump", "acme"), "acme", "", "pump"))
	rollback(t, s, catalog.Rollback{})
	c := load(t, s)
	diff(t, "stores", members(c), []string{"acme: pump"})
	pump, err := c.Snap("pump")
	if err != nil || pump.Store != "acme" || len(pump.ChannelMap) != 0 {
		t.Errorf("pump is private to %q, with rows %v, %v", pump.Store, pump.ChannelMap, err)
	}
}

// TestRollbackNamesTheRest takes back an import that took a name over, after another snap was removed. Neither comes back, and the plan says so.
func TestRollbackNamesTheRest(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	in := with(with(imp("b", 1), "jq", []int{1}, "latest/stable/amd64=1"), "yq", []int{2}, "latest/stable/amd64=2")
	in.Snaps[0].SnapID, in.SnapRevisions[0].SnapID = snapID("other"), snapID("other")
	in.TakeOver = []string{"jq"}
	apply(t, s, in)
	_, err := s.Remove(t.Context(), &catalog.Removal{
		Reason: catalog.ReasonRemove,
		Choose: func(*catalog.Snapshot) ([]catalog.Item, error) {
			return []catalog.Item{{Kind: catalog.ItemSnap, Name: "yq", Whole: true}}, nil
		},
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rollback(t, s, catalog.Rollback{})
	diff(t, "what stays", r.Stay, []string{
		fmt.Sprintf("the former snap jq, whose name import %d took over, stays removed", r.Imports[0].ID),
		"the snap with the id " + snapID("yq") + " was removed, and stays removed"})
	diff(t, "rows", rows(load(t, s).Snaps[0].ChannelMap), []string{})
}

func TestActsOfHolds(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "ana", From: audit.ThisHost})
	apply(t, db, with(imp("a", 0), "jq", []int{6, 7}, "latest/stable/amd64=6"))
	until := time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC)
	if _, err := db.Hold(ctx, catalog.Holding{Kind: catalog.ItemSnap, Name: "jq", Until: &until, By: "ana"}); err != nil {
		t.Fatal(err)
	}
	apply(t, db, with(imp("b", 1), "jq", []int{7}, "latest/stable/amd64=7"))
	if c := load(t, db); len(c.Holds) != 1 || c.HoldEnds < 24*time.Hour || rows(c.Snaps[0].Served())[0] != "latest/stable/amd64=6" {
		t.Errorf("holds %+v, which end in %v; served are %v", c.Holds, c.HoldEnds, rows(c.Snaps[0].Served()))
	}
	if _, err := db.Release(ctx, catalog.Holding{Kind: catalog.ItemAll}); err != nil {
		t.Fatal(err)
	}
	for _, revision := range []int{7, 0} {
		if _, err := db.SetOverrides(ctx, "ana", []catalog.OverrideChange{{Name: "jq", Channel: "pilot/stable", Revision: revision, Own: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Rollback(ctx, catalog.Rollback{By: "ana"}); err != nil {
		t.Fatal(err)
	}
	rows := trailOf(t, db.Trail())
	var got []string
	for _, r := range rows {
		if r.Who == "ana" {
			got = append(got, r.What+" "+r.Subject)
		}
	}
	diff(t, "acts", got, []string{"hold jq", "release all", "promote jq", "promote jq", "close-channel jq", "close-channel jq", "rollback import 2"})
	list, err := db.ChannelActs(ctx)
	if err != nil || len(list) != 6 || list[5].What != "hold" {
		t.Errorf("acts about channels in the history: %+v, %v", list, err)
	}
	if bad, err := db.Trail().Contradictions(ctx); err != nil || len(bad) > 0 {
		t.Errorf("the history contradicts the trail: %v, %v", bad, err)
	}
}
