package exporter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/exporter"
	"offlinestore/internal/upstreamtest"
)

// stepper adds a snap with epochs: revision 1 has epoch 1, revision 2 reads it and writes epoch 2, and revision 3 has epoch 2. All
// are in stable.
func stepper(t *testing.T) *upstreamtest.Store {
	t.Helper()
	s := demo(t)
	if err := s.AddSnap(upstreamtest.Snap{Name: "stepper"}); err != nil {
		t.Fatal(err)
	}
	for i, e := range []upstreamtest.Epoch{{Read: []uint32{1}, Write: []uint32{1}}, {Read: []uint32{1, 2}, Write: []uint32{2}}, {Read: []uint32{2}, Write: []uint32{2}}} {
		release(t, s, 1+i, e)
	}
	return s
}

// release releases a revision of stepper to stable.
func release(t *testing.T, s *upstreamtest.Store, revision int, e upstreamtest.Epoch) {
	t.Helper()
	rev := upstreamtest.Rev{Revision: revision, Epoch: e, Blob: upstreamtest.Bytes([]byte{byte(revision)})}
	if err := s.AddRevision("stepper", rev); err != nil {
		t.Fatal(err)
	}
	if err := s.Release("stepper", "", "stable", revision); err != nil {
		t.Fatal(err)
	}
}

func TestPlanEpochs(t *testing.T) {
	t.Parallel()
	s := stepper(t)
	e, _ := newExporter(t, s)
	plan := func(name string, packages []exporter.Package, channels []string, want ...string) {
		t.Helper()
		req := exporter.Request{Packages: packages, Channels: channels, Architectures: []string{"amd64"}, NoDeps: true}
		p, err := e.Plan(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if diff := cmp.Diff(want, rows(p.Snaps[0])); diff != "" {
			t.Errorf("%s: channel map (-want +got):\n%s", name, diff)
		}
	}
	channel := []exporter.Package{{Name: "stepper"}}
	plan("upstream's releases", channel, []string{"stable"}, "amd64 latest/stable 3", "amd64 latest/stable 2")
	plan("from a riskier channel too", channel, []string{"stable", "candidate"}, "amd64 latest/candidate 0", "amd64 latest/stable 3", "amd64 latest/stable 2")
	plan("into a channel of the operator", []exporter.Package{{Name: "stepper", PushChannel: "lts/stable"}}, []string{"stable"},
		"amd64 latest/stable 3", "amd64 latest/stable 2", "amd64 lts/stable 3", "amd64 lts/stable 2")
	gatekeeper := exporter.Package{Name: "stepper", Revision: 2, PushChannel: "stable"}
	plan("an operator's gatekeeper", append(channel, gatekeeper), []string{"stable"}, "amd64 latest/stable 3", "amd64 latest/stable 2")
	plan("all pushed", []exporter.Package{gatekeeper, {Name: "stepper", Revision: 3, PushChannel: "stable"}}, []string{"stable"},
		"amd64 latest/stable 3", "amd64 latest/stable 2")
	plan("an old revision for all", append(channel, exporter.Package{Name: "stepper", Revision: 1, PushChannel: "stable"}), []string{"stable"}, "amd64 latest/stable 1")
	release(t, s, 4, upstreamtest.Epoch{Read: []uint32{1}, Write: []uint32{1}})
	plan("a fix for the old epoch", channel, []string{"stable"}, "amd64 latest/stable 3", "amd64 latest/stable 4")
}

// TestExportEpochs packs a channel with two epochs.
func TestExportEpochs(t *testing.T) {
	t.Parallel()
	e, _ := newExporter(t, stepper(t))
	p, err := e.Plan(t.Context(), exporter.Request{Names: []string{"stepper"}, Channels: []string{"stable"}, Architectures: []string{"amd64"}, NoDeps: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fetch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	h := pack(t, e, p)
	if len(h.Revisions) != 2 || !h.Snaps[0].HasEpochs() {
		t.Errorf("the bundle has %d revisions and %v, want two in one channel", len(h.Revisions), h.Snaps[0].ChannelMap)
	}
}
