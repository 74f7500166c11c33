package server_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

// overridden returns the catalogue with overrides of jq and hello.
func overridden(b *blobs, jq, hello []snap.Release) *catalog.Snapshot {
	c := catalogue(b)
	for i := range c.Snaps {
		switch c.Snaps[i].Name {
		case "jq":
			c.Snaps[i].Overrides = jq
		case "hello":
			c.Snaps[i].Overrides = hello
		}
	}
	return c
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	const at = "2026-11-20T00:00:00Z"
	b := newBlobs(t)
	b2 := newBlobs(t)
	jq := []snap.Release{release("amd64", "latest/edge", 9, at), release("amd64", "latest/stable", 5, at), release("amd64", "pilot/stable", 9, at)}
	plain := serve(t, b, overridden(b, jq, []snap.Release{release("all", "2.0/stable", 1, at)}), server.Config{})
	partly := catalogue(b2)
	hello := &partly.Snaps[slices.IndexFunc(partly.Snaps, func(s catalog.Snap) bool { return s.Name == "hello" })]
	hello.Revisions = append(hello.Revisions, revision(b2, 4, "4.0", "amd64"))
	hello.Overrides = []snap.Release{release("amd64", "latest/stable", 4, at)}
	single := serve(t, b2, partly, server.Config{})
	for _, c := range []struct {
		s                   *server.Server
		name, arch, channel string
		want                int
	}{
		{plain, "jq", "amd64", "stable", 5},
		{plain, "jq", "amd64", "latest/stable", 5},
		{plain, "jq", "arm64", "stable", 8}, // not overridden
		{plain, "jq", "amd64", "candidate", 7},
		{plain, "jq", "amd64", "beta", 7}, // closed: candidate has it
		{plain, "jq", "amd64", "edge", 9}, // not in the channel map before
		{plain, "jq", "amd64", "1.4/stable", 10},
		{plain, "jq", "amd64", "pilot/stable", 9}, // a track of the operator's own
		{plain, "jq", "amd64", "pilot/edge", 9},
		{plain, "hello", "amd64", "2.0/stable", 1},
		{plain, "hello", "i386", "2.0/stable", 1},
		{plain, "hello", "riscv64", "2.0/stable", 1}, // runs anywhere
		{plain, "hello", "riscv64", "latest/stable", 1},
		{single, "hello", "amd64", "latest/stable", 4},
		{single, "hello", "riscv64", "latest/stable", 1}, // the revision that it had through amd64's row
	} {
		got := refresh(t, c.s.Handler(), snap.RefreshRequest{Fields: []string{"revision"}, Actions: []snap.Action{{
			Action: snap.ActionInstall, InstanceKey: "k", Name: c.name, Channel: c.channel,
		}}}, snap.HeaderArchitecture+": "+c.arch)
		if len(got) != 1 || got[0].Snap == nil || got[0].Snap.Revision.Number != c.want {
			t.Errorf("%s %s for %s = %+v, want revision %d", c.name, c.channel, c.arch, got, c.want)
		}
	}
}

func TestOverrideForInstalled(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, overridden(b, []snap.Release{release("amd64", "latest/stable", 5, "2026-11-20T00:00:00Z")}, nil), server.Config{})
	got := refresh(t, s.Handler(), snap.RefreshRequest{
		Context: []snap.Installed{{SnapID: jqID, InstanceKey: "k", Revision: 6, TrackingChannel: "latest/stable", Epoch: &snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}}},
		Fields:  []string{"revision"},
		Actions: []snap.Action{{Action: snap.ActionRefresh, InstanceKey: "k", SnapID: jqID}},
	})
	if len(got) != 1 || got[0].Snap == nil || got[0].Snap.Revision.Number != 5 || got[0].ReleasedAt != "2026-11-20T00:00:00Z" {
		t.Errorf("refresh of what tracks stable = %+v, want revision 5", got)
	}
	// The hidden revision is still available by its number.
	got = refresh(t, s.Handler(), snap.RefreshRequest{Fields: []string{"revision"}, Actions: []snap.Action{{Action: snap.ActionInstall, InstanceKey: "k", Name: "jq", Revision: 6}}})
	if len(got) != 1 || got[0].Snap == nil || got[0].Snap.Revision.Number != 6 {
		t.Errorf("install by number = %+v, want revision 6", got)
	}
}

func TestOverridesInInfo(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, overridden(b, []snap.Release{release("amd64", "latest/edge", 9, "2026-11-20T00:00:00Z"), release("amd64", "latest/stable", 5, "2026-11-20T00:00:00Z")}, nil), server.Config{})
	info := decode[struct {
		Map []struct {
			Channel  snap.ChannelMapChannel `json:"channel"`
			Revision int                    `json:"revision"`
		} `json:"channel-map"`
	}](t, call(t, s.Handler(), "GET", "http://store.example/v2/snaps/info/jq?fields=revision", ""), 200)
	got := []string{}
	for _, e := range info.Map {
		got = append(got, fmt.Sprintf("%s %s=%d", e.Channel.Architecture, e.Channel.Name, e.Revision))
	}
	want := []string{"amd64 stable=5", "amd64 candidate=7", "amd64 edge=9", "amd64 1.4/stable=10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
}

func TestOverrideOfRevisionThatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	if err := s.SetSnapshot(overridden(b, []snap.Release{release("amd64", "latest/stable", 77, "")}, nil)); err == nil {
		t.Error("SetSnapshot took an override with a revision that is not here")
	}
}
