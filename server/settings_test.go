package server_test

import (
	"crypto/tls"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/server"
)

func TestRedirectToHTTPS(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	const info = "/v2/snaps/info/jq"
	for _, tt := range []struct {
		settings     server.Settings
		request      string // method, host, path and, after a bar, the header X-Forwarded-Proto
		status       int
		wantLocation string
	}{
		{server.Settings{}, "GET s.example " + info + "?a=b%20c&d", 301, "https://s.example" + info + "?a=b%20c&d"},
		{server.Settings{}, "HEAD s.example /", 301, "https://s.example/"},
		{server.Settings{}, "POST s.example /v2/snaps/refresh", 308, "https://s.example/v2/snaps/refresh"},
		{server.Settings{}, "GET s.example //evil.example/x", 301, "https://s.example//evil.example/x"},
		{server.Settings{HTTPSPort: "8443"}, "GET s.example:8080 /x", 301, "https://s.example:8443/x"},
		{server.Settings{HTTPSPort: "443"}, "GET s.example:8080 /x", 301, "https://s.example/x"},
		{server.Settings{HTTPSPort: "8443"}, "GET [2001:db8::1]:80 /x", 301, "https://[2001:db8::1]:8443/x"},
		{server.Settings{HTTPSPort: "443"}, "GET [2001:db8::1]:80 /x", 301, "https://[2001:db8::1]/x"},
		{server.Settings{Domain: "proxy.example", HTTPSPort: "8443"}, "GET evil.example /x", 301, "https://proxy.example/x"},
		{server.Settings{Domain: "proxy.example:8443"}, "GET evil.example /x", 301, "https://proxy.example:8443/x"},
		{server.Settings{}, "GET a@b /x", 400, ""},
		{server.Settings{}, "GET 10.0.0.1 /_status/check", 200, ""},
		{server.Settings{}, "HEAD 10.0.0.1 /_status/check", 200, ""},
		{server.Settings{}, "GET s.example /metrics", 200, ""},
		{server.Settings{}, "GET s.example " + info + "|https", 301, "https://s.example" + info},
		{server.Settings{TrustForwardedProto: true}, "GET s.example " + info + "|https", 200, ""},
		{server.Settings{TrustForwardedProto: true}, "GET s.example " + info + "|http", 301, "https://s.example" + info},
	} {
		tt.settings.RedirectToHTTPS = true
		s.SetSettings(tt.settings)
		request, forwarded, _ := strings.Cut(tt.request, "|")
		f := strings.Fields(request)
		r := httptest.NewRequest(f[0], "http://x"+f[2], nil)
		r.Host, r.RequestURI = f[1], f[2]
		if forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", forwarded)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != tt.status || got != tt.wantLocation {
			t.Errorf("%s = %d to %q, want %d to %q", tt.request, w.Code, got, tt.status, tt.wantLocation)
		}
	}
	s.SetSettings(server.Settings{RedirectToHTTPS: true})
	r := httptest.NewRequest("GET", "https://s.example"+info, nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("over TLS: %d, want 200", w.Code)
	}
	s.SetSettings(server.Settings{})
	if r := call(t, s.Handler(), "GET", info, ""); r.StatusCode != 200 {
		t.Errorf("without HTTPS: %d, want 200", r.StatusCode)
	}
}

// TestForwardedProto checks that URLs begin with the balancer's scheme if the operator trusts the balancer.
func TestForwardedProto(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	for _, tt := range []struct {
		trust     bool
		forwarded string
		want      string
	}{
		{false, "https", "http"}, {true, "https", "https"}, {true, "HTTPS", "https"}, {true, "http", "http"}, {true, "", "http"},
		{true, "https://evil.example/", "http"},
	} {
		s.SetSettings(server.Settings{Domain: "s.example", TrustForwardedProto: tt.trust})
		got := bodyOf(t, call(t, s.Handler(), "GET", "/v2/snaps/info/jq?fields=download", "", "X-Forwarded-Proto: "+tt.forwarded))
		if !strings.Contains(got, `"url":"`+tt.want+`://s.example/`) {
			t.Errorf("trusted %v, X-Forwarded-Proto: %q: %.300s, want URLs of %s", tt.trust, tt.forwarded, got, tt.want)
		}
	}
}

func TestStoreAssertion(t *testing.T) {
	t.Parallel()
	stream, err := os.ReadFile(filepath.Join(realdata(t), "chains/snapd-enterprise-store.assert"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	const path, id = "/v2/auth/store/assertions", "tNHLyNjAZfQIxZGNtWQ7rXTlCWLvmwa6"
	none := call(t, s.Handler(), "GET", path, "")
	if text := bodyOf(t, none); none.StatusCode != 404 || !strings.Contains(text, "import the assertion") || none.Header.Get("X-Assertion-Store-Id") != "" {
		t.Errorf("without an assertion: %d %s", none.StatusCode, text)
	}
	s.SetSettings(server.Settings{StoreAssertion: stream, StoreID: id})
	for _, method := range []string{"GET", "HEAD"} {
		r := call(t, s.Handler(), method, path, "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/x.ubuntu.assertion" || r.Header.Get("X-Assertion-Store-Id") != id {
			t.Errorf("%s = %d %v", method, r.StatusCode, r.Header)
		}
		if got := bodyOf(t, r); method == "GET" && got != string(stream) {
			t.Error("the stream is not what was given, byte for byte")
		}
	}
	if r := call(t, s.Handler(), "POST", path, ""); r.StatusCode != 405 {
		t.Errorf("POST = %d, want 405", r.StatusCode)
	}
}

func TestCertificateExpiry(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	const name = "\nofflinestore_certificate_expiry_timestamp_seconds "
	metrics := func() string { return bodyOf(t, call(t, s.Handler(), "GET", "/metrics", "")) }
	if got := metrics(); strings.Contains(got, name) {
		t.Error("a certificate that isn't there expires")
	}
	s.SetSettings(server.Settings{CertificateExpiry: time.Unix(1800000000, 0)})
	if got := metrics(); !strings.Contains(got, name+"1.8e+09\n") {
		t.Errorf("no expiry in %s", got)
	}
	s.SetSettings(server.Settings{})
	if got := metrics(); strings.Contains(got, name) {
		t.Error("a certificate that was removed expires")
	}
}
