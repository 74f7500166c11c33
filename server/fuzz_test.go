package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"offlinestore/server"
	"offlinestore/snap"
)

// FuzzRefresh checks that every body is answered with JSON, with at most one result for each action.
func FuzzRefresh(f *testing.F) {
	b := newBlobs(f)
	c := catalogue(b)
	c.Assertions = asserted().Assertions
	h := serve(f, b, c, server.Config{}).Handler()
	f.Add([]byte(`{"context":[{"snap-id":"` + dataID + `","instance-key":"k","revision":1,"tracking-channel":"latest/stable","epoch":{"read":[0],"write":[0]}}],
		"actions":[{"action":"refresh","instance-key":"k","snap-id":"` + dataID + `"},{"action":"install","instance-key":"i","name":"jq","channel":"edge/x","revision":5,"epoch":"1*"}],"fields":["name"]}`))
	f.Add([]byte(`{"actions":[{"action":"fetch-assertions","key":"g","assertions":[{"type":"validation-set","sequence-key":["16","acme","base"],"if-sequence-newer-than":3}]}],"assertion-max-formats":{"snap-declaration":-1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/v2/snaps/refresh", strings.NewReader(string(body)))
		r.Header.Set(snap.HeaderArchitecture, "amd64")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct{ Results []json.RawMessage }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("answer %q: %v", w.Body, err)
		}
		var asked snap.RefreshRequest
		switch err := json.Unmarshal(body, &asked); {
		case err == nil && len(asked.Actions) <= 1000 && len(asked.Context) <= 1000:
			if w.Code != 200 || len(answer.Results) > len(asked.Actions) {
				t.Errorf("status = %d with %d results for %d actions", w.Code, len(answer.Results), len(asked.Actions))
			}
		case w.Code != 400:
			t.Errorf("status = %d, want 400 for what is no request (%v)", w.Code, err)
		}
	})
}

// FuzzQuery checks that every path and query is answered with JSON or an assertion, and never with a fault of ours.
func FuzzQuery(f *testing.F) {
	b := newBlobs(f)
	c := catalogue(b)
	c.Assertions = asserted().Assertions
	h := serve(f, b, c, server.Config{}).Handler()
	for _, s := range []string{"/v2/snaps/find?q=jq&channel=edge&confinement=strict&fields=name,download", "/v2/snaps/info/jq?architecture=amd64&fields=x", "/v2/assertions/validation-set/16/acme/base?sequence=1&max-format=2",
		"/api/v1/snaps/details/jq?revision=1&channel=x/y", "/api/v1/snaps/search?q=%ff&section=art", "/api/v1/snaps/download/%00", "/icons/../x", "/api/v1/snaps/names?confinement=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = u, target
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s = %d %s", target, w.Code, w.Body)
		}
		if ct := w.Header().Get("Content-Type"); strings.Contains(ct, "json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %q is no JSON", target, w.Body)
		}
	})
}
