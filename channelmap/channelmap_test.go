package channelmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"offlinestore/channelmap"
)

// TestOriginOrder checks that Compare is a total order, no matter which exporters counted the sequences. An order that compared
// the sequence only within one exporter's bundles would have cycles.
func TestOriginOrder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	want := []channelmap.Origin{{}, {at, 1, "z"}, {at, 2, "a"}, {at, 2, "m"}, {at.Add(time.Second), 0, "b"}}
	got := slices.Clone(want)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, channelmap.Origin.Compare)
		if !slices.Equal(got, want) {
			t.Fatalf("sorted %v, want %v", got, want)
		}
	}
	for i, o := range want {
		for j, p := range want {
			if o.Supersedes(p) != (i > j) {
				t.Errorf("(%v).Supersedes(%v) = %v", o, p, i <= j)
			}
		}
	}
	local := channelmap.Origin{SignedAt: at.In(time.FixedZone("x", 3600)), Sequence: 9, Digest: "z"}
	if !local.Is(want[1]) || want[2].Is(want[1]) || (channelmap.Origin{SignedAt: at.Add(1), Digest: "z"}).Is(want[1]) {
		t.Error("Is does not compare the digest and the signed time")
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	stable := parse(t, "latest/stable")
	open := func(revision int, releasedAt string) row {
		return channelmap.NewRow("amd64", stable, release{Revision: revision, ReleasedAt: releasedAt})
	}
	two := channelmap.NewRow("amd64", stable, release{Revision: 5}, release{Revision: 4, Epoch: channelmap.Epoch{Write: 1}})
	origin := func(seconds int64) channelmap.Origin { return channelmap.Origin{SignedAt: time.Unix(seconds, 0)} }
	var l channelmap.Ledger[string, int]
	for i, step := range []struct {
		row    row
		origin channelmap.Origin
		force  bool
		want   channelmap.Change
	}{
		{open(5, ""), origin(10), false, channelmap.Change{Outcome: channelmap.Moved, From: channelmap.NoRow, To: 5}},
		{open(5, ""), origin(10), false, channelmap.Change{Outcome: channelmap.Unchanged, From: 5, To: 5}},
		{open(5, ""), origin(11), false, channelmap.Change{Outcome: channelmap.Renewed, From: 5, To: 5}},
		{open(5, times[1]), origin(12), false, channelmap.Change{Outcome: channelmap.Revised, From: 5, To: 5}},
		{open(6, ""), origin(11), false, channelmap.Change{Outcome: channelmap.Kept, From: 5, To: 6}},
		{open(6, ""), origin(11), true, channelmap.Change{Outcome: channelmap.Moved, From: 5, To: 6}},
		{open(7, ""), origin(12), false, channelmap.Change{Outcome: channelmap.Moved, From: 6, To: 7}},
		{open(0, ""), origin(13), false, channelmap.Change{Outcome: channelmap.Moved, From: 7, To: 0}},
		{open(0, ""), origin(14), false, channelmap.Change{Outcome: channelmap.Renewed, From: 0, To: 0}},
		{two, origin(15), false, channelmap.Change{Outcome: channelmap.Moved, From: 0, To: 4}},
		{open(4, ""), origin(16), false, channelmap.Change{Outcome: channelmap.Moved, From: 4, To: 4}},
	} {
		if got := l.Apply(step.row, step.origin, step.force); got != step.want {
			t.Errorf("step %d: Apply = %+v, want %+v", i, got, step.want)
		}
	}
}

// TestEpochs tries two revisions in one channel: a new one for all devices, and one that can read the data of devices with an
// older epoch.
func TestEpochs(t *testing.T) {
	t.Parallel()
	stable := parse(t, "latest/stable")
	m := channelmap.New[string, int]("", 1)
	bridge := release{Revision: 2, Epoch: channelmap.Epoch{Write: 2, Read: 1}}
	newest := release{Revision: 3, Epoch: channelmap.Epoch{Write: 2, Read: 2}}
	if !m.Put(channelmap.NewRow("amd64", stable, bridge)) || !m.Put(channelmap.NewRow("amd64", stable, newest)) {
		t.Fatal("Put refused a second epoch")
	}
	if m.Put(channelmap.NewRow("amd64", stable, bridge)) || m.Put(row{Key: channelmap.Key[string]{Platform: "amd64", Channel: stable}}) {
		t.Error("Put took the same epoch twice, or closed an open row")
	}
	m.Arrange(func(a, b *entry) int { return 0 })
	if got := m.Follow("amd64", parse(t, "latest/edge")); got == nil || got.Revision != 3 {
		t.Errorf("a new installation gets %+v, want revision 3", got)
	}
	for have, want := range map[int]int{1: 2, 2: 3} {
		got := m.Upgrade("amd64", stable, have, func(e *entry) bool { return int(e.Epoch.Read) <= have && have <= int(e.Epoch.Write) })
		if got == nil || got.Revision != want {
			t.Errorf("a device with data of epoch %d gets %+v, want revision %d", have, got, want)
		}
	}
	if got := m.Released(2, stable, false, func(*entry) bool { return true }); got == nil || got.Epoch.Read != 1 {
		t.Errorf("Released(2) = %+v, want the release of the older epoch", got)
	}
}

// TestRecorderEpochs records the releases of several epochs, from the store and from an operator.
func TestRecorderEpochs(t *testing.T) {
	t.Parallel()
	stable := parse(t, "latest/stable")
	first, bridge := release{Revision: 1, Epoch: channelmap.NewEpoch([]uint32{1}, []uint32{1})}, release{Revision: 2, Epoch: channelmap.NewEpoch([]uint32{1, 2}, []uint32{2})}
	newest, other := release{Revision: 3, Epoch: channelmap.NewEpoch([]uint32{2}, []uint32{2})}, release{Revision: 4, Epoch: channelmap.NewEpoch([]uint32{2}, []uint32{2})}
	for _, tt := range []struct {
		name          string
		newest, older release
		pushed        []release
		want          []release
	}{
		{"the store's", newest, bridge, nil, []release{newest, bridge}},
		{"the store's and a gatekeeper", newest, release{}, []release{bridge}, []release{newest, bridge}},
		{"a gatekeeper in place of the store's", newest, release{Revision: 9, Epoch: bridge.Epoch}, []release{bridge}, []release{newest, bridge}},
		{"pushed", release{}, release{}, []release{bridge, other}, []release{other, bridge}},
		{"pushed in place of all", newest, bridge, []release{first}, []release{first}},
		{"pushed in place of the same epoch", newest, bridge, []release{other}, []release{other, bridge}},
	} {
		var r channelmap.Recorder[string, int]
		for _, p := range tt.pushed {
			if err := r.Push("amd64", stable, p); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if tt.newest.Revision > 0 {
			if err := r.Answer("amd64", stable, stable, tt.newest, false); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			r.AnswerOlder("amd64", stable, tt.older)
		}
		if got := r.Rows(); len(got) != 1 || !slices.Equal(got[0].Releases, tt.want) {
			t.Errorf("%s: rows = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestTracks(t *testing.T) {
	t.Parallel()
	for track, want := range map[string]string{"": "latest/edge", "2.0": "2.0/edge"} {
		m := channelmap.New[string, int](track, 0)
		if got := m.WithTrack(parse(t, "edge")).String(); got != want {
			t.Errorf("edge with default track %q = %s, want %s", track, got, want)
		}
		if got := m.WithTrack(parse(t, "3/edge")).String(); got != "3/edge" {
			t.Errorf("3/edge with default track %q = %s", track, got)
		}
	}
}

// TestOverlay shows the rows under an override of one platform and of all.
func TestOverlay(t *testing.T) {
	t.Parallel()
	at := func(p, ch string, n int) row {
		return channelmap.NewRow(p, parse(t, ch), release{Revision: n, Everywhere: runsEverywhere(n)})
	}
	imported := []row{at("amd64", "latest/stable", 4), at("arm64", "latest/stable", 5), at("amd64", "latest/edge", 6)}
	for _, c := range []struct {
		overrides      []row
		served, hidden string
	}{
		{nil, "amd64 latest/stable 4, arm64 latest/stable 5, amd64 latest/edge 6", ""},
		{[]row{at("amd64", "latest/stable", 1)}, "amd64 latest/stable 1, arm64 latest/stable 5, amd64 latest/edge 6", "amd64 latest/stable 4"},
		{[]row{at(all, "latest/stable", 8)}, "amd64 latest/stable 8, arm64 latest/stable 8, amd64 latest/edge 6", ""},
		{[]row{at(all, "latest/edge", 8), at("amd64", "latest/edge", 1)}, "amd64 latest/stable 4, arm64 latest/stable 5, amd64 latest/edge 1, all latest/edge 8", ""},
		{[]row{at("arm64", "latest/beta", 1)}, "amd64 latest/stable 4, arm64 latest/stable 5, amd64 latest/edge 6, arm64 latest/beta 1", ""},
	} {
		served, hidden := channelmap.Overlay(imported, c.overrides, all)
		if got := rowsText(served); got != c.served {
			t.Errorf("Overlay(%v) serves %s, want %s", c.overrides, got, c.served)
		}
		if got := rowsText(hidden); got != c.hidden {
			t.Errorf("Overlay(%v) hides %q, want %q", c.overrides, got, c.hidden)
		}
	}
}

func rowsText(rows []row) string {
	var out string
	for i, r := range rows {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprint(r.Platform, " ", r.Channel, " ", r.Newest().Revision)
	}
	return out
}
