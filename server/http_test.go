package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"offlinestore/blob"
	"offlinestore/server"
	"offlinestore/snap"
)

func TestBaseOfURLs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	tests := []struct{ domain, host, want string }{
		{"", "store.example", "http://store.example"},
		{"", "store.example:8080", "http://store.example:8080"},
		{"", "192.0.2.1:80", "http://192.0.2.1:80"},
		{"", "[2001:db8::1]:8080", "http://[2001:db8::1]:8080"},
		{"", "[2001:db8::1]", "http://[2001:db8::1]"},
		{"proxy.example", "evil.example", "http://proxy.example"},
		{"proxy.example:81", "evil.example", "http://proxy.example:81"},
		{"2001:db8::2", "evil.example", "http://[2001:db8::2]"},
		{"[2001:db8::2]:81", "evil.example", "http://[2001:db8::2]:81"},
		{"", `a"b`, "400"}, {"", "a b", "400"}, {"", "a/b", "400"}, {"", "", "400"}, {"", "a:b", "400"}, {"", "a:0", "400"}, {"", "a:99999", "400"}, {"", "a@b", "400"},
		{"", "[::1", "400"}, {"", "[fe80::1%25eth0]", "400"}, {"", "[1.2.3.4]", "400"}, {"", strings.Repeat("a", 300), "400"},
		{"not a host", "store.example", "500"},
	}
	for _, tt := range tests {
		t.Run(tt.domain+" "+tt.host, func(t *testing.T) {
			s := serve(t, b, c, server.Config{})
			s.SetSettings(server.Settings{Domain: tt.domain})
			h := s.Handler()
			r := httptest.NewRequest("GET", "/v2/snaps/info/jq?architecture=amd64&fields=download", nil)
			r.Host = tt.host
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Host", "evil.example")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				if tt.want == "200" || http.StatusText(w.Code) == "" || tt.want != strings.TrimSpace(strings.Split(w.Result().Status, " ")[0]) {
					t.Errorf("status = %d %s, want %s", w.Code, w.Body, tt.want)
				}
				return
			}
			if v := w.Header()["Vary"]; slices.Contains(v, "Host") != (tt.domain == "") {
				t.Errorf("Vary: %q with the domain %q", v, tt.domain)
			}
			if !strings.Contains(w.Body.String(), `"url":"`+tt.want+`/api/v1/snaps/download/`+jqID+`_6.snap"`) {
				t.Errorf("body = %s, want URLs of %s", w.Body, tt.want)
			}
		})
	}
	h := serve(t, b, c, server.Config{}).Handler()
	r := httptest.NewRequest("GET", "https://s.example/v2/snaps/info/jq", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"https://s.example/api`) {
		t.Errorf("over TLS: %s, want https", w.Body)
	}
}

func TestCommonHeaders(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	if r := call(t, h, "HEAD", "/", ""); r.StatusCode != 200 || r.Header["Snap-Store-Version"] != nil {
		t.Errorf("HEAD / = %d with version %v, want 200 with none, or snapd sends serial requests here", r.StatusCode, r.Header["Snap-Store-Version"])
	}
	paths := []string{"GET /", "GET /none", "GET /v2/snaps/find", "POST /v2/snaps/find", "GET /v2/snaps/info/none", "GET //v2/snaps/find", "HEAD /_status/check", "GET /metrics",
		"POST /v2/snaps/refresh", "GET /v2/assertions/x/y", "POST /api/v1/snaps/auth/nonces", "GET /v2/auth/store/assertions", "PUT /v2/cohorts"}
	for _, line := range paths {
		method, path, _ := strings.Cut(line, " ")
		r := call(t, h, method, path, "{}")
		if r.Header.Get("Snap-Store-Version") != "62" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", line, r.Header)
		}
	}
}

func TestWhatThisStoreDoesNotDo(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	for _, line := range []string{"POST /api/v1/snaps/auth/request-id", "POST /api/v1/snaps/auth/devices", "POST /v2/cohorts", "POST /v2/messages", "POST /api/v1/snaps/purchases/buy",
		"GET /api/v1/snaps/purchases/customers/me", "GET /v2/auth/store/assertions", "GET /v2/repairs/canonical/1", "GET /nothing", "DELETE /v2/snaps/refresh"} {
		method, path, _ := strings.Cut(line, " ")
		r := call(t, h, method, path, "x")
		body := bodyOf(t, r)
		if r.StatusCode/100 != 4 || r.StatusCode == 401 {
			t.Errorf("%s = %d, want 4xx, and not the one that makes snapd log in again", line, r.StatusCode)
		}
		var v struct {
			Message   string
			ErrorList []snap.Error `json:"error-list"`
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil || v.Message == "" || len(v.ErrorList) != 1 {
			t.Errorf("%s: %q (%v), want a message", line, body, err)
		}
	}
}

func TestNoSecretsInLogs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	var log bytes.Buffer
	h := serve(t, b, catalogue(b), server.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}).Handler()
	call(t, h, "GET", "/v2/snaps/find?q=tulips", "", "Authorization: Macaroon root=tulips", "Snap-Device-Authorization: Macaroon root=tulips", "X-Device-Authorization: tulips")
	call(t, h, "POST", "/api/v1/snaps/auth/sessions", `{"device-session-request":"tulips"}`)
	if text := log.String(); strings.Contains(text, "tulips") || !strings.Contains(text, "path=/v2/snaps/find") {
		t.Errorf("log = %s, want the requests without what they were authorised with or asked for", text)
	}
}

func TestStatusAndMetrics(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Config{Blobs: dir.Storage()})
	h := s.Handler()
	if got := decode[map[string]any](t, call(t, h, "GET", "/_status/check", ""), 503); got["status"] != "unavailable" {
		t.Errorf("before there is a catalogue: %v", got)
	}
	r := call(t, h, "GET", "/v2/snaps/info/jq", "")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("before there is a catalogue: info = %d, want 503, which snapd tries again", r.StatusCode)
	}
	if r := call(t, h, "HEAD", "/", ""); r.StatusCode != 200 {
		t.Errorf("before there is a catalogue: HEAD / = %d, want 200", r.StatusCode)
	}
	if err := s.SetSnapshot(catalogue(b)); err != nil {
		t.Fatal(err)
	}
	if got := decode[map[string]any](t, call(t, h, "GET", "/_status/check", ""), 200); got["status"] != "ok" || got["generation"] != 7.0 || got["snaps"] != 3.0 {
		t.Errorf("status = %v, want ok", got)
	}
	call(t, h, "GET", "/api/v1/snaps/download/"+jqID+"_6.snap", "")
	call(t, h, "GET", "/no/such/path", "")
	text := bodyOf(t, call(t, h, "GET", "/metrics", ""))
	for _, line := range []string{"offlinestore_catalog_generation 7", `offlinestore_catalog_entries{kind="snaps"} 3`, `offlinestore_catalog_entries{kind="revisions"} 13`,
		`offlinestore_http_requests_total{code="200",route="/api/v1/snaps/download/{file}"} 1`, `offlinestore_http_response_bytes_total{route="/api/v1/snaps/download/{file}"} 8`,
		`offlinestore_http_requests_total{code="404",route="other"} 1`, `offlinestore_http_requests_total{code="503",route="/v2/snaps/info/{name}"} 1`, "offlinestore_catalog_load_timestamp_seconds"} {
		if !strings.Contains(text, line) {
			t.Errorf("metrics have no %q", line)
		}
	}
}

// TestRowOfAnotherArchitecture checks that a row which no device can use costs only that row.
func TestRowOfAnotherArchitecture(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].ChannelMap = append(c.Snaps[2].ChannelMap, release("arm64", "latest/edge", 9, ""))
	var log bytes.Buffer
	h := serve(t, b, c, server.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler()
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: "i", Name: "jq", Channel: "edge"}}}, snap.HeaderArchitecture+": arm64")
	if s := summary(got[0]); s != "8 stable - 2024-02-02T00:00:00Z" {
		t.Errorf("result = %q, want what is in stable", s)
	}
	if !strings.Contains(log.String(), "snap=jq") || !strings.Contains(log.String(), "revision 9") {
		t.Errorf("log = %q, want the row named", log.String())
	}
}

func TestRefusedCatalogLeavesTheLast(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	bad := catalogue(b)
	bad.Snaps[0].ChannelMap[0].Revision = 1000
	if err := s.SetSnapshot(bad); err == nil || !strings.Contains(err.Error(), "data") || !strings.Contains(err.Error(), "1000") {
		t.Errorf("SetSnapshot = %v, want an error that names the snap and its missing revision", err)
	}
	twice := catalogue(b)
	twice.Snaps = append(twice.Snaps, twice.Snaps[0])
	if err := s.SetSnapshot(twice); err == nil {
		t.Error("SetSnapshot took a snap that is there twice")
	}
	if r := call(t, s.Handler(), "GET", "/v2/snaps/info/jq", ""); r.StatusCode != 200 {
		t.Errorf("info = %d, want what was served before", r.StatusCode)
	}
}
