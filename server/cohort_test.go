package server_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

// cohortKeys creates cohorts of snaps.
func cohortKeys(t *testing.T, h http.Handler, snaps string) map[string]string {
	t.Helper()
	var v struct {
		Keys map[string]string `json:"cohort-keys"`
	}
	if err := json.Unmarshal([]byte(bodyOf(t, call(t, h, "POST", "/v2/cohorts", `{"snaps":`+snaps+`}`))), &v); err != nil {
		t.Fatal(err)
	}
	return v.Keys
}

// TestCohorts creates a key before and after two imports and an override. A server that has seen only the first import answers for
// the present.
func TestCohorts(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	at := func(m catalog.Moment) (*catalog.Snapshot, http.Handler) {
		event := func(id int64, n int) catalog.Event {
			return catalog.Event{Release: release("amd64", "latest/stable", n, ""), ID: id}
		}
		s := catalog.Snap{Name: "jq", SnapID: jqID, Details: details("jq", "A JSON processor"),
			Revisions: []catalog.SnapRevision{revision(b, 1, "1", "amd64"), revision(b, 2, "2", "amd64"), revision(b, 3, "3", "amd64")},
			Imported:  []catalog.Event{event(7, 1), event(9, 2)}, Overridden: []catalog.Event{event(4, 3), event(5, 0)}}
		now := s.AsOf(m)
		now.Imported, now.Overridden = s.Imported, s.Overridden
		c := &catalog.Snapshot{Moment: m, Snaps: []catalog.Snap{*now}}
		return c, serve(t, b, c, server.Config{}).Handler()
	}
	moments := []catalog.Moment{{Import: 7}, {Import: 9}, {Import: 9, Override: 4}, {Import: 9, Override: 5}}
	_, last := at(moments[3])
	for i, want := range []string{"1 stable - ", "2 stable - ", "3 stable - ", "2 stable - "} {
		_, h := at(moments[i])
		key := cohortKeys(t, h, `["jq"]`)["jq"]
		for _, server := range []http.Handler{h, last} {
			got := refresh(t, server, snap.RefreshRequest{
				Context: []snap.Installed{{SnapID: jqID, InstanceKey: "k", Revision: 1, TrackingChannel: "latest/stable", CohortKey: key}},
				Actions: []snap.Action{{Action: "install", InstanceKey: "i", Name: "jq", CohortKey: key}, {Action: "refresh", InstanceKey: "k", SnapID: jqID},
					{Action: "install", InstanceKey: "r", Name: "jq", CohortKey: key, Revision: 3}}})
			if len(got) != 3 || summary(got[0]) != want || summary(got[1]) != want || summary(got[2]) != "3  - " {
				t.Errorf("in the cohort of %+v: %+v, want %s", moments[i], got, want)
			}
		}
	}
}

func TestCohortErrors(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	for body, want := range map[string]int{`{"snaps":["no-such"]}`: 404, `{"snaps":[]}`: 400, `{}`: 400, `[]`: 400, `{"snaps":["jq","hello"]}`: 200} {
		if got := call(t, h, "POST", "/v2/cohorts", body).StatusCode; got != want {
			t.Errorf("POST /v2/cohorts %s = %d, want %d", body, got, want)
		}
	}
	foreign := cohortKeys(t, h, `["hello"]`)["hello"]
	elsewhere := catalogue(b)
	elsewhere.Moment.Store = "another"
	another := cohortKeys(t, serve(t, b, elsewhere, server.Config{}).Handler(), `["jq"]`)["jq"]
	for _, key := range []string{foreign, another, "MSAxMjM0IDU2Nzg5", "x", foreign + "A"} {
		got := refresh(t, h, snap.RefreshRequest{
			Context: []snap.Installed{{SnapID: jqID, InstanceKey: "k", Revision: 5, TrackingChannel: "latest/stable", CohortKey: key}},
			Actions: []snap.Action{{Action: "install", InstanceKey: "i", Name: "jq", CohortKey: key}, {Action: "refresh", InstanceKey: "k", SnapID: jqID}}})
		// A device keeps the keys that it had when it still asked the store on the internet.
		if len(got) != 2 || summary(got[0]) != "invalid-cohort-key" || summary(got[1]) != "6 stable - 2024-02-01T00:00:00Z" {
			t.Errorf("with key %q: %+v, want an error and revision 6", key, got)
		}
	}
}
