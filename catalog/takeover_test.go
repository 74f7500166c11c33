package catalog_test

import (
	"errors"
	"testing"

	"offlinestore/catalog"
)

// TestTakeOver pushes another snap and another charm under names in the catalogue. They are refused, unless their names are taken over.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withCharm(with(with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"), "hello", []int{3}, "latest/stable/amd64=3"),
		"app", []int{5}, "latest/stable@ubuntu 22.04 amd64=5"))
	other := func() *catalog.Import {
		in := withCharm(with(imp("b", 1), "jq", []int{1}, "latest/stable/amd64=1"), "app", []int{2}, "latest/edge@ubuntu 22.04 amd64=2")
		id := snapID("other")
		in.Snaps[0].SnapID, in.SnapRevisions[0].SnapID = id, id
		in.Charms[0].ID, in.CharmRevisions[0].ID = id, id
		in.By = "op"
		return in
	}
	var taken *catalog.NameError
	var conflict *catalog.ConflictError
	if _, err := s.Apply(t.Context(), other()); !errors.As(err, &taken) || taken.Name != "jq" || !errors.As(err, &conflict) {
		t.Fatalf("Apply = %v, want a NameError about jq", err)
	}
	in := other()
	in.TakeOver = []string{"hello", "jq"}
	if _, err := s.Apply(t.Context(), in); !errors.As(err, &taken) || taken.Name != "app" {
		t.Fatalf("Apply = %v, want a NameError about app", err)
	}
	if c := load(t, s); c.Snaps[1].SnapID != snapID("jq") {
		t.Error("a refused import took over a name")
	}
	in.TakeOver = append(in.TakeOver, "app")
	plan, err := planOne(t.Context(), s, in)
	if err != nil {
		t.Fatal(err)
	}
	got := apply(t, s, in)
	diff(t, "the report, compared with the plan", got.TakeOvers, plan.TakeOvers)
	if len(got.TakeOvers) != 2 || got.TakeOvers[0].From != snapID("jq") || got.TakeOvers[0].To != snapID("other") || len(got.TakeOvers[1].Removed.CharmRevisions) != 1 {
		t.Errorf("taken over %+v, want jq and app", got.TakeOvers)
	}
	c := load(t, s)
	if len(c.Snaps) != 2 || c.Snaps[1].SnapID != snapID("other") || len(c.Snaps[1].Revisions) != 1 || c.Charms[0].ID != snapID("other") {
		t.Errorf("after taking over: %+v, %+v", c.Snaps, c.Charms)
	}
	diff(t, "rows", rows(c.Snaps[1].ChannelMap), []string{"latest/stable/amd64=1"})
	list, err := s.Removals(t.Context())
	if err != nil || len(list) != 2 || list[0].Reason != catalog.ReasonReplace || list[0].RemovedBy != "op" {
		t.Errorf("Removals = %+v, %v, want two", list, err)
	}
	if r := apply(t, s, in); len(r.TakeOvers) != 0 {
		t.Errorf("the same import takes over %+v again", r.TakeOvers)
	}
}
