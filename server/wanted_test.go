package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"offlinestore/server"
	"offlinestore/snap"
)

// TestWanted asks for snaps in vain in all the ways that devices do.
func TestWanted(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	h := s.Handler()
	here := catalogue(b).Snaps[0]
	unknown := strings.Repeat("x", 32)
	expect := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, w := range s.TakeWanted() {
			got = append(got, fmt.Sprintf("%s %s %s %s %d x%d", w.Kind, w.Name, w.Channel, w.Architecture, w.Revision, w.Count))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	header := []string{snap.HeaderArchitecture + ": arm64"}
	refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{
		{Action: "install", InstanceKey: "1", Name: "none"}, {Action: "download", InstanceKey: "2", Name: "none", Channel: "stable"},
		{Action: "install", InstanceKey: "3", Name: "none", Channel: "2.0/edge"}, {Action: "install", InstanceKey: "4", Name: "other", Revision: 7},
	}}, header...)
	expect("install", "snap none stable arm64 0 x2", "snap none 2.0/edge arm64 0 x1", "snap other  arm64 7 x1")
	refresh(t, h, snap.RefreshRequest{
		Context: []snap.Installed{{SnapID: unknown, InstanceKey: "1", Revision: 3, TrackingChannel: "latest/beta"}},
		Actions: []snap.Action{{Action: "refresh", InstanceKey: "1", SnapID: unknown}, {Action: "refresh", InstanceKey: "2", SnapID: here.SnapID, Channel: "never/stable"}},
	}, header...)
	expect("refresh", "snap "+here.Name+" never/stable arm64 0 x1", "snap-id "+unknown+" latest/beta arm64 0 x1")
	for _, path := range []string{"/v2/snaps/info/none?architecture=s390x", "/api/v1/snaps/details/none?channel=edge", "/api/v1/snaps/details/none?revision=3"} {
		call(t, h, "GET", "http://store.example"+path, "", header...)
	}
	call(t, h, "POST", "http://store.example/api/v1/snaps/metadata", `{"snaps":[{"snap_id":"`+unknown+`","channel":"edge","revision":1}]}`, header...)
	expect("version 1 and info", "snap none  s390x 0 x1", "snap none edge arm64 0 x1", "snap none  arm64 3 x1", "snap-id "+unknown+" edge arm64 0 x1")

	// Nothing that is here is wanted, and nothing that nobody could export.
	refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{
		{Action: "install", InstanceKey: "1", Name: "Bad\x1b[31m"}, {Action: "install", InstanceKey: "2", Name: strings.Repeat("a", 41)},
		{Action: "install", InstanceKey: "3", Name: "none", Channel: "a/b/c/d"}, {Action: "install", InstanceKey: "4", Name: "none", Channel: strings.Repeat("a", 200) + "/stable"},
		{Action: "refresh", InstanceKey: "5", SnapID: "../../x"}, {Action: "install", InstanceKey: "6", Name: "none", Revision: -5},
	}}, header...)
	expect("bad names")
	for range 3 {
		var actions []snap.Action
		for i := range 1000 {
			actions = append(actions, snap.Action{Action: "install", InstanceKey: fmt.Sprint(i), Name: fmt.Sprintf("x%d", i)})
		}
		refresh(t, h, snap.RefreshRequest{Actions: actions}, header...)
	}
	if n := len(s.TakeWanted()); n != 500 {
		t.Errorf("a flood of names: %d are kept, want 500", n)
	}
	text := bodyOf(t, call(t, h, "GET", "/metrics", ""))
	if !strings.Contains(text, `offlinestore_wanted_total{kind="snap"} 30`) {
		t.Errorf("metrics count %.80q", text[max(0, strings.Index(text, "offlinestore_wanted_total{")):])
	}
}

// TestWantedCharms asks for charms in vain.
func TestWantedCharms(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, charms(b), server.Config{})
	h := s.Handler()
	base := `{"name":"ubuntu","channel":"22.04","architecture":"arm64"}`
	unknown := strings.Repeat("x", 32)
	juju(t, h, `{"context":[{"instance-key":"2","id":"`+unknown+`","revision":1,"base":`+base+`,"tracking-channel":"1/edge"}],"actions":[
		{"action":"install","instance-key":"1","name":"none","base":`+base+`},
		{"action":"refresh","instance-key":"2","id":"`+unknown+`"},
		{"action":"install","instance-key":"3","name":"tempo-k8s","channel":"never/stable","base":`+base+`},
		{"action":"install","instance-key":"4","name":"tempo-k8s","revision":4711,"base":`+base+`}]}`)
	call(t, h, "GET", "/v2/charms/info/none?channel=2/edge", "")
	var got []string
	for _, w := range s.TakeWanted() {
		got = append(got, fmt.Sprintf("%s %s %s %s %d", w.Kind, w.Name, w.Channel, w.Architecture, w.Revision))
	}
	want := []string{"charm none stable arm64 0", "charm none 2/edge  0", "charm tempo-k8s never/stable arm64 0", "charm tempo-k8s  arm64 4711", "charm-id " + unknown + " 1/edge arm64 0"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
