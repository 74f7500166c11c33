package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/snap"
	"offlinestore/upstream"
)

const portalPage = "<!DOCTYPE html><html>log in to the network first</html>"

// portal answers every request with the same web page.
func portal(kind string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		io.WriteString(w, portalPage)
	}
}

// questions returns a call for each kind of request to a store.
func questions(c *upstream.Client, origin string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Info": func(ctx context.Context) error { _, err := c.Info(ctx, "jq"); return err },
		"Resolve": func(ctx context.Context) error {
			_, err := c.Resolve(ctx, "amd64", []snap.Action{{Name: "jq", Channel: "stable"}})
			return err
		},
		"Assertion": func(ctx context.Context) error {
			_, err := c.Assertion(ctx, "account", []string{"canonical"}, 0)
			return err
		},
		"LatestPoint": func(ctx context.Context) error {
			_, err := c.LatestPoint(ctx, "validation-set", []string{"16", "canonical", "base"}, 0)
			return err
		},
		"CharmInfo": func(ctx context.Context) error { _, err := c.CharmInfo(ctx, "pg", ""); return err },
		"CharmRefresh": func(ctx context.Context) error {
			name, ch := "pg", "stable"
			_, err := c.CharmRefresh(ctx, []charm.Action{{Name: &name, Channel: &ch}})
			return err
		},
		"CharmResourceRevisions": func(ctx context.Context) error {
			_, err := c.CharmResourceRevisions(ctx, "pg", "data")
			return err
		},
		"Fetch": func(ctx context.Context) error {
			return c.Fetch(ctx, upstream.Blob{Name: "jq revision 6", URL: origin + "/jq.snap", Size: 5000}, io.Discard)
		},
	}
}

// TestWebPageIsNotTheStore checks that no page of a proxy or of a captive portal is taken for an answer of the store, neither for damage nor for
// the answer that something does not exist.
func TestWebPageIsNotTheStore(t *testing.T) {
	t.Parallel()
	for _, page := range []struct {
		kind   string
		status int
		portal bool
	}{
		{"text/html; charset=utf-8", 404, false},
		{"text/html", 403, false},
		{"text/html", 200, true},
		{"application/xhtml+xml", 200, true},
		{"", 200, true},
		{"application/json", 200, true},
		{"text/html", 511, true},
	} {
		c, origin := newClient(t, portal(page.kind, page.status), upstream.Config{Retries: -1})
		for name, ask := range questions(c, origin) {
			t.Run(fmt.Sprint(name, " ", page.kind, " ", page.status), func(t *testing.T) {
				err := ask(t.Context())
				if !errors.Is(err, upstream.ErrNotStore) || errors.Is(err, upstream.ErrNotFound) || !strings.Contains(err.Error(), "a web page answered") {
					t.Errorf("got %v, want ErrNotStore", err)
				}
				if got := errors.Is(err, upstream.ErrUnavailable); got != page.portal {
					t.Errorf("%v: unavailable: got %t, want %t", err, got, page.portal)
				}
			})
		}
	}
}

// TestPageOfTheStore checks that the store's own page about an outage, and a resource that is a web page, are none of a portal.
func TestPageOfTheStore(t *testing.T) {
	t.Parallel()
	tries := 0
	c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			portal("text/html", http.StatusServiceUnavailable)(w, r)
			return
		}
		portal("text/html", http.StatusOK)(w, r)
	}), upstream.Config{})
	var got strings.Builder
	if err := c.Fetch(t.Context(), upstream.Blob{Name: "manual", URL: origin + "/index.html", Size: int64(len(portalPage))}, &got); err != nil || got.String() != portalPage {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

// TestWebPageIsNotTheRegistry checks that neither a manifest, nor a blob, nor a token is read from a page of a portal.
func TestWebPageIsNotTheRegistry(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"everything": portal("text/html", 200),
		"token": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				portal("text/html", 200)(w, r)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		cfg := registryConfig(&record{})
		cfg.Retries = -1
		r, err := upstream.OpenRepository(t.Context(), cfg, strings.TrimPrefix(s.URL, "http://")+"/charm/image:1", "", "")
		if err == nil {
			_, _, _, err = r.Manifest(t.Context(), "1")
		}
		if !errors.Is(err, upstream.ErrNotStore) || !strings.Contains(err.Error(), "a web page answered (200): this is not the registry") {
			t.Errorf("%s: got %v, want ErrNotStore", name, err)
		}
	}
}
