package edge

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkRefresh passes a refresh by way of the edge's handler.
func BenchmarkRefresh(b *testing.B) {
	store := newStore(&testing.T{})
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/v2/snaps/refresh", bytes.NewReader(install("stable")))
	for i := 0; i < len(amd64); i += 2 {
		req.Header.Set(amd64[i], amd64[i+1])
	}
	store.Handler().ServeHTTP(rec, req)
	text := rec.Body.Bytes()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}))
	defer up.Close()
	e, err := New(Config{Local: http.NotFoundHandler(), Origin: func(r *http.Request) string { return "http://" + r.Host }}, nil, Settings{Upstream: up.URL, Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	h := e.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v2/snaps/refresh", bytes.NewReader(install("stable")))
		for i := 0; i < len(amd64); i += 2 {
			r.Header.Set(amd64[i], amd64[i+1])
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
