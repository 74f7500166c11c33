package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/server"
)

// FuzzCharmRefresh checks that every body is answered with JSON, with one result for each action.
func FuzzCharmRefresh(f *testing.F) {
	b := newBlobs(f)
	h := serve(f, b, charms(b), server.Config{}).Handler()
	for _, a := range charmActions() {
		f.Add([]byte(`{"context":[` + a.context + `],"actions":[{"instance-key":"k",` + a.action + `}]}`))
	}
	f.Add([]byte(`{"context":[],"actions":[],"metrics":{"controller":{},"model":{}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v2/charms/refresh", strings.NewReader(string(body))))
		var asked charm.RefreshRequest
		if err := json.Unmarshal(body, &asked); err != nil || len(asked.Actions) > 1000 || len(asked.Context) > 1000 {
			if w.Code != 400 || !json.Valid(w.Body.Bytes()) {
				t.Errorf("status = %d %s, want 400 for what is no request (%v)", w.Code, w.Body, err)
			}
			return
		}
		var answer struct{ Results []strictResult }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || len(answer.Results) != len(asked.Actions) {
			t.Fatalf("status %d with %d results for %d actions: %v", w.Code, len(answer.Results), len(asked.Actions), err)
		}
		for i := range answer.Results {
			answer.Results[i].checkMembers(t)
		}
	})
}

// FuzzCharmQuery checks that no path and query leads to a fault of ours.
func FuzzCharmQuery(f *testing.F) {
	b := newBlobs(f)
	h := serve(f, b, charms(b), server.Config{}).Handler()
	for _, s := range []string{"find?q=sql&channel=edge&platforms=arm64/ubuntu/jammy&fields=result.summary,default-release", "info/postgresql?channel=14/edge&fields=channel-map.revision.bases,default-release",
		"info/cos-lite?fields=default-release.revision.bases.name,a..b", "resources/postgresql/snap/revisions", "resources/%00/%2f/revisions", "find?relation-provides=,,&type=bundle"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		target = "/v2/charms/" + target
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = u, target
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s = %d %s", target, w.Code, w.Body)
		}
		if ct := w.Header().Get("Content-Type"); strings.Contains(ct, "json") && (ct != "application/json" || !json.Valid(w.Body.Bytes())) {
			t.Errorf("%s: %s %q, want bare JSON", target, ct, w.Body)
		}
	})
}
