package catalog_test

import (
	"testing"

	"offlinestore/catalog"
)

// TestAsOf compares the channel map of each moment with the one that was loaded then.
func TestAsOf(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	var moments []catalog.Moment
	var want [][]string
	remember := func() {
		c := load(t, s)
		moments, want = append(moments, c.Moment), append(want, rows(c.Snaps[0].Served()))
	}
	apply(t, s, withEpochs(imp("a", 3), "latest/stable/amd64=3", "latest/stable/amd64=2", "latest/edge/arm64=1"))
	remember()
	older := withEpochs(imp("b", 1), "latest/stable/amd64=4", "latest/beta/amd64=1")
	older.PushChannelMap = true
	apply(t, s, older)
	remember()
	set(t, s, catalog.OverrideChange{Name: "stepper", Channel: "stable", Revision: 1})
	remember()
	apply(t, s, withEpochs(imp("c", 5), "latest/stable/amd64=0", "latest/edge/arm64=2"))
	remember()
	set(t, s, catalog.OverrideChange{Name: "stepper", Channel: "stable"})
	remember()
	if first, last := moments[0], moments[len(moments)-1]; first.Store == "" || first.Store != last.Store {
		t.Errorf("the moments are of the stores %q and %q, want one with a name", first.Store, last.Store)
	}
	last := load(t, s).Snaps[0]
	for i, m := range moments {
		past := last.AsOf(m)
		diff(t, "served at a moment", rows(past.Served()), want[i])
	}
	diff(t, "before the first import", rows(last.AsOf(catalog.Moment{}).Served()), []string{})
}

// TestAsOfWithoutARevision removes the revision of an override and of a channel. The ones before don't come back.
func TestAsOfWithoutARevision(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withEpochs(imp("a", 0), "latest/stable/amd64=1", "latest/edge/amd64=1"))
	apply(t, s, withEpochs(imp("b", 1), "latest/edge/amd64=3"))
	set(t, s, catalog.OverrideChange{Name: "stepper", Channel: "stable", Revision: 2}, catalog.OverrideChange{Name: "stepper", Channel: "stable", Revision: 3})
	remove(t, s, catalog.Item{Kind: catalog.ItemSnap, Name: "stepper", Revisions: []int{3}})
	c := load(t, s)
	diff(t, "now", rows(c.Snaps[0].AsOf(c.Moment).Served()), []string{"latest/edge/amd64=0", "latest/stable/amd64=1"})
}
