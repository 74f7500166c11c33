package server_test

import (
	"fmt"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/session"
	"offlinestore/snap"
)

const (
	gateID  = "gate0000000000000000000000000000"
	gatedID = "gated000000000000000000000000000"
)

// gatedStore returns a catalogue with a snap whose refreshes two others control, one of which is private to acme-store. The stable channel holds
// revision 4, and held the ones before. gate approves 1 to 3, and once approved 4; the private gate approves 2 alone.
func gatedStore(b *blobs, st *assertiontest.Stack) *catalog.Snapshot {
	gated := catalog.Snap{Name: "gated", SnapID: gatedID, Details: details("gated", "A snap"), ChannelMap: []snap.Release{release("amd64", "latest/stable", 4, "2024-04-01T00:00:00Z"),
		release("amd64", "latest/candidate", 1, "2024-04-01T00:00:00Z")}}
	for n := range 4 {
		gated.Revisions = append(gated.Revisions, revision(b, n+1, fmt.Sprintf("gated %d", n+1), "amd64"))
		gated.History = append([]snap.Release{release("amd64", "latest/stable", n+1, fmt.Sprintf("2024-0%d-01T00:00:00Z", n+1))}, gated.History...)
	}
	gate := catalog.Snap{Name: "gate", SnapID: gateID, Details: details("gate", "A gate"), Revisions: []catalog.SnapRevision{revision(b, 1, "gate", "amd64")}}
	c := &catalog.Snapshot{Stores: []catalog.Store{{ID: "acme-store", BrandID: "acme", SnapIDs: []string{pumpID}}}, Snaps: []catalog.Snap{gate, gated}}
	addPrivate(c, b, st, catalog.Snap{Name: "pump", SnapID: pumpID, Store: "acme-store"}, pumpVersion)
	c.Assertions = nil
	controls := assertiontest.Headers{"refresh-control": []any{gatedID}}
	acme := st.NewAccount("acme", "brand")
	approve := func(gate string, n int, revoked string) *assertion.Assertion {
		return acme.Sign(assertiontest.Headers{"type": "validation", "series": "16", "snap-id": gate, "approved-snap-id": gatedID, "approved-snap-revision": fmt.Sprint(n), "revoked": revoked}, nil)
	}
	withdrawn := acme.Sign(assertiontest.Headers{"type": "validation", "series": "16", "snap-id": gateID, "approved-snap-id": gatedID, "approved-snap-revision": "4",
		"revoked": "true", "revision": "1"}, nil)
	addAssertions(c, st.SnapDeclaration(gateID, "gate", "acme", controls), st.SnapDeclaration(pumpID, "pump", "acme", controls), approve(gateID, 1, "false"),
		approve(gateID, 2, "false"), approve(gateID, 3, "false"), approve(gateID, 4, "false"), withdrawn, approve(pumpID, 2, "false"))
	return c
}

// TestRefreshControl refreshes a snap on devices with snaps that control its refreshes.
func TestRefreshControl(t *testing.T) {
	t.Parallel()
	st, b := assertiontest.NewStack(t), newBlobs(t)
	s := serve(t, b, gatedStore(b, st), server.Config{Trust: st.Trust(), Now: assertiontest.Time})
	s.SetSettings(server.Settings{DeviceSecret: deviceSecret})
	of := func(store string) string {
		m, err := session.NewKeys(deviceSecret).New(session.Device{Brand: "acme", Model: "m", Serial: "1", Store: store}, assertiontest.Time())
		if err != nil {
			t.Fatal(err)
		}
		return header(m)
	}
	yes, no := ptr(true), ptr(false)
	for _, tt := range []struct {
		name      string
		have      int
		gates     []string
		installed bool // ignores validations
		action    *bool
		channel   string
		session   string
		want      int
	}{
		{name: "no gate", have: 1, want: 4},
		{name: "a gate", have: 1, gates: []string{gateID}, want: 3},
		{name: "the newest approved revision", have: 3, gates: []string{gateID}, want: 3},
		{name: "an installed revision that lost its approval", have: 4, gates: []string{gateID}, want: 4},
		{name: "an approved revision that is older", have: 3, gates: []string{gateID}, channel: "candidate", want: 1},
		{name: "validations ignored for the snap", have: 1, gates: []string{gateID}, installed: true, want: 4},
		{name: "validations ignored once", have: 1, gates: []string{gateID}, action: yes, want: 4},
		{name: "validations heeded once more", have: 1, gates: []string{gateID}, installed: true, action: no, want: 3},
		{name: "two gates, of which one is private", have: 1, gates: []string{gateID, pumpID}, session: of("acme-store"), want: 2},
		{name: "two gates that agree on nothing newer", have: 3, gates: []string{gateID, pumpID}, session: of("acme-store"), want: 3},
		{name: "a private gate without a session", have: 1, gates: []string{pumpID}, want: 4},
		{name: "a private gate of another store", have: 1, gates: []string{pumpID}, session: of("acme-lab"), want: 4},
	} {
		installed := []snap.Installed{{SnapID: gatedID, InstanceKey: gatedID, Revision: tt.have, TrackingChannel: "stable", IgnoreValidation: tt.installed,
			Epoch: &snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}}}
		for _, id := range tt.gates {
			installed = append(installed, snap.Installed{SnapID: id, InstanceKey: id, Revision: 1, TrackingChannel: "stable"})
		}
		var headers []string
		if tt.session != "" {
			headers = append(headers, tt.session)
		}
		got := refresh(t, s.Handler(), snap.RefreshRequest{Context: installed,
			Actions: []snap.Action{{Action: "refresh", InstanceKey: gatedID, SnapID: gatedID, Channel: tt.channel, IgnoreValidation: tt.action}}}, headers...)
		if len(got) != 1 || got[0].Snap == nil || got[0].Snap.Revision.Number != tt.want {
			t.Errorf("%s: results %+v, want revision %d", tt.name, got, tt.want)
		}
	}
	for body, want := range map[string]string{
		`{"snaps":[{"snap_id":"` + gatedID + `","channel":"stable","revision":1}]}`:                                                       `"revision":4`,
		`{"snaps":[{"snap_id":"` + gatedID + `","channel":"stable","revision":1},{"snap_id":"` + gateID + `"}]}`:                          `"revision":3`,
		`{"snaps":[{"snap_id":"` + gatedID + `","channel":"stable","revision":1,"ignore_validation":true},{"snap_id":"` + gateID + `"}]}`: `"revision":4`,
	} {
		if got := bodyOf(t, call(t, s.Handler(), "POST", "http://store.example/api/v1/snaps/metadata", body)); strings.Count(got, want) != 1 {
			t.Errorf("metadata of %s: %s, want %s", body, got, want)
		}
	}
}
