package catalog_test

import (
	"testing"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// withEpochs adds the snap stepper: revision 1 has epoch 1, revision 2 reads it and writes epoch 2, and revisions 3 and 4 have
// epoch 2.
func withEpochs(in *catalog.Import, rows ...string) *catalog.Import {
	with(in, "stepper", []int{1, 2, 3, 4}, rows...)
	for i, e := range []snap.Epoch{{Read: []uint32{1}, Write: []uint32{1}}, {Read: []uint32{1, 2}, Write: []uint32{2}},
		{Read: []uint32{2}, Write: []uint32{2}}, {Read: []uint32{2}, Write: []uint32{2}}} {
		in.SnapRevisions[i].Item.Revision.Epoch = e
	}
	return in
}

// TestEpochsOfAChannel pushes bundles whose stable channel has several releases, in both orders. A later bundle replaces them all.
func TestEpochsOfAChannel(t *testing.T) {
	t.Parallel()
	both := withEpochs(imp("both", 0), "latest/stable/amd64=3", "latest/stable/amd64=2")
	next := withEpochs(imp("next", 1), "latest/stable/amd64=2", "latest/stable/amd64=4")
	alone := withEpochs(imp("alone", 2), "latest/stable/amd64=4")
	s, _ := open(t)
	moves := []catalog.SnapMove{{"stepper", "amd64", "latest/stable", -1, 3, ""}, {"stepper", "amd64", "latest/stable", -1, 2, "1"}}
	diff(t, "first moves", apply(t, s, both).SnapMoves, moves)
	diff(t, "second moves", apply(t, s, next).SnapMoves, []catalog.SnapMove{{"stepper", "amd64", "latest/stable", 3, 4, ""}})
	diff(t, "rows", rows(load(t, s).Snaps[0].ChannelMap), []string{"latest/stable/amd64=2", "latest/stable/amd64=4"})
	diff(t, "moves of an older bundle", apply(t, s, both).SnapMoves, []catalog.SnapMove{})
	diff(t, "last moves", apply(t, s, alone).SnapMoves, []catalog.SnapMove{{"stepper", "amd64", "latest/stable", 2, -1, "1"}})
	last := load(t, s).Snaps[0]
	diff(t, "rows at last", rows(last.ChannelMap), []string{"latest/stable/amd64=4"})
	diff(t, "history", rows(last.History), []string{"latest/stable/amd64=4", "latest/stable/amd64=4", "latest/stable/amd64=2",
		"latest/stable/amd64=3", "latest/stable/amd64=2"})

	backwards, _ := open(t)
	for _, in := range []*catalog.Import{alone, next, both} {
		apply(t, backwards, in)
	}
	diff(t, "rows after the other order", rows(load(t, backwards).Snaps[0].ChannelMap), []string{"latest/stable/amd64=4"})
}

// TestOverrideOfEpochs replaces all releases of a channel with an override, and deletes it again.
func TestOverrideOfEpochs(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withEpochs(imp("both", 0), "latest/stable/amd64=1", "latest/stable/amd64=2", "latest/stable/arm64=1"))
	diff(t, "override", set(t, s, catalog.OverrideChange{Name: "stepper", Channel: "stable", Revision: 4}),
		[]string{"stepper latest/stable amd64=4 (2)", "stepper latest/stable arm64=4 (1)"})
	stepper := load(t, s).Snaps[0]
	diff(t, "served", rows(stepper.Served()), []string{"latest/stable/amd64=4", "latest/stable/arm64=4"})
	diff(t, "deleted", set(t, s, catalog.OverrideChange{Name: "stepper", Channel: "stable"}),
		[]string{"stepper latest/stable amd64=0 (2)", "stepper latest/stable arm64=0 (1)"})
	stepper = load(t, s).Snaps[0]
	diff(t, "served again", rows(stepper.Served()), []string{"latest/stable/amd64=1", "latest/stable/amd64=2", "latest/stable/arm64=1"})
}
