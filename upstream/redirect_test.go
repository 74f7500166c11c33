package upstream_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offlinestore/upstream"
)

func TestRedirects(t *testing.T) {
	t.Parallel()
	data := blob(1000)
	var referer, ranges string
	mux := http.NewServeMux()
	mux.HandleFunc("/first", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/second?token=secret", http.StatusFound)
	})
	mux.HandleFunc("/second", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/blob?token=secret2", http.StatusFound)
	})
	mux.HandleFunc("/blob", func(w http.ResponseWriter, r *http.Request) {
		referer, ranges = r.Header.Get("Referer"), r.Header.Get("Range")
		ranged(data)(w, r)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop?token=secret", http.StatusFound)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://[secret/")
		w.WriteHeader(302)
	})
	mux.HandleFunc("/lost", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/none?token=secret", http.StatusFound)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/x?token=secret", http.StatusFound)
	})
	c, origin := newClient(t, mux, upstream.Config{Retries: -1})

	body, total, resumed, err := c.Download(t.Context(), origin+"/first", 400)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || total != 1000 || !resumed || !bytes.Equal(got, data[400:]) {
		t.Errorf("Download: %d bytes of %d, resumed %v, %v", len(got), total, resumed, err)
	}
	if referer != "" || ranges != "bytes=400-" {
		t.Errorf("the last hop was asked with Referer %q and Range %q", referer, ranges)
	}
	for path, want := range map[string]string{
		"/loop": "/loop: too many redirects", "/file": "redirected from http to file", "/bad": "redirected to what is no URL",
		"/lost": "/none: the store answered 404 Not Found", "/gone": "127.0.0.1:1/x: ",
	} {
		_, _, _, err := c.Download(t.Context(), origin+path+"?token=secret", 0)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Download %s: %v, want %q and no secret", path, err, want)
		}
	}
}

func TestRedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(ranged(blob(10)))
	defer plain.Close()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	defer s.Close()
	var log record
	c, err := upstream.New(upstream.Config{HTTP: s.Client(), Logf: log.Logf})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Fetch(t.Context(), upstream.Blob{Name: "jq", URL: s.URL, Size: 10}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "redirected from https to http") || log.String() != "" {
		t.Errorf("Fetch = %v, want it refused at once; log %q", err, &log)
	}
}
