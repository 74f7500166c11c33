package server_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"offlinestore/server"
)

// TestAdministrationBehindBalancer sends requests for administrators with and without TLS of their own, through a balancer that ended TLS or not.
func TestAdministrationBehindBalancer(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	var got *http.Request
	s := serve(t, b, catalogue(b), server.Config{Administration: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })})
	own := &tls.ConnectionState{ServerName: "store.example"}
	for _, tt := range []struct {
		name   string
		trust  bool
		tls    *tls.ConnectionState
		proto  string
		status int
		remote string
	}{
		{"TLS", false, own, "", 200, "192.0.2.1:1234"},
		{"TLS, and a header of the client", false, own, "http", 200, "192.0.2.1:1234"},
		{"plain", false, nil, "", 403, ""},
		{"plain, and a header of the client", false, nil, "https", 403, ""},
		{"TLS that the balancer ended", true, nil, "https", 200, "198.51.100.7:0"},
		{"TLS to the balancer and from it", true, own, "https", 200, "198.51.100.7:0"},
		{"plain to the balancer", true, nil, "http", 403, ""},
	} {
		for _, path := range []string{"/v2/auth/identity", "/publishergw/v1/tokens/whoami"} {
			s.SetSettings(server.Settings{Administration: true, TrustForwardedProto: tt.trust})
			got = nil
			r := httptest.NewRequest("GET", "http://store.example"+path, nil)
			r.TLS = tt.tls
			r.Header.Set("X-Forwarded-Proto", tt.proto)
			r.Header.Set("X-Forwarded-For", "198.51.100.7")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			switch {
			case w.Code != tt.status || (got == nil) != (tt.status == 403):
				t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.status)
			case got == nil:
			case got.RemoteAddr != tt.remote || got.TLS == nil || tt.tls != nil && got.TLS != tt.tls:
				t.Errorf("%s: the administration sees %s with TLS %v, want %s", tt.name, got.RemoteAddr, got.TLS, tt.remote)
			}
		}
	}
}
