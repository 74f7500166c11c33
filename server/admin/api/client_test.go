//go:build linux

// The tests need the server, which is for Linux.
package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
	"offlinestore/server/admin"
	"offlinestore/server/admin/api"
)

const (
	email    = "op@example.internal"
	password = "correct horse battery"
)

// clock is the time of an administration.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.Load(), 0) }

// newStore returns the administration of an empty store with one administrator.
func newStore(t *testing.T) (url string, c *clock, calls *atomic.Int64) {
	t.Helper()
	t.Setenv("STORE_ADMIN_CONFIG_DIR", t.TempDir())
	st, err := catalog.Open(t.Context(), pgtest.NewFrom(t, bundletest.Migrate))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if err := st.PutAdmin(t.Context(), catalog.Admin{Email: email, Secret: admin.HashPassword(password)}); err != nil {
		t.Fatal(err)
	}
	c, calls = &clock{}, &atomic.Int64{}
	c.Store(time.Now().Unix())
	srv, err := admin.New(admin.Config{Store: st, Secret: strings.Repeat("s", 64), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/refresh") {
			calls.Add(1)
		}
		srv.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(hs.Close)
	return hs.URL, c, calls
}

// missing returns nil if the store answered that it has no such snap: the login was good.
func missing(ctx context.Context, url string) error {
	c, err := api.Open(url)
	if err != nil {
		return err
	}
	_, err = c.Overrides(ctx, "jq")
	var missing *api.NotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	return errors.Join(errors.New("want that jq is missing"), err)
}

// TestRefresh checks that several processes which find the discharge expired refresh it once: the store would end the login if two
// of them refreshed it.
func TestRefresh(t *testing.T) {
	url, c, refreshes := newStore(t)
	if err := api.LogIn(t.Context(), url, email, password, ""); err != nil {
		t.Fatal(err)
	}
	if err := missing(t.Context(), url); err != nil {
		t.Error(err)
	}
	for range 2 {
		c.Add(int64((2 * time.Hour).Seconds()))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := missing(t.Context(), url); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if n := refreshes.Load(); n != 2 {
		t.Errorf("%d refreshes, want 2", n)
	}
	c.Add(int64((31 * 24 * time.Hour).Seconds()))
	var expired *api.LoginExpiredError
	if err := missing(t.Context(), url); !errors.As(err, &expired) || expired.URL != url || expired.Email != email {
		t.Errorf("after a month: %v, want that the login of %s at %s has expired", err, email, url)
	}
}

func TestLoginIsPrivate(t *testing.T) {
	url, _, _ := newStore(t)
	if err := api.LogIn(t.Context(), url, email, "not the password", ""); err == nil {
		t.Error("a wrong password was taken")
	}
	if err := api.LogIn(t.Context(), url, email, password, ""); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv("STORE_ADMIN_CONFIG_DIR"), "logins", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of logins: %q, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Contains(string(text), password) {
		t.Errorf("the password is in the file, or %v", err)
	}
	if err := os.WriteFile(files[0], []byte(`{"url":"http://elsewhere.example"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Open(url); err == nil {
		t.Error("a login of another store was taken")
	}
}

func TestURLs(t *testing.T) {
	t.Setenv("STORE_ADMIN_CONFIG_DIR", t.TempDir())
	for _, url := range []string{"", "store.example", "ftp://store.example", "https://", "http://store.example:8013", "http://192.0.2.1", "https://jo:secret@store.example",
		"https://store.example/path", "https://store.example?x", "http://localhost.example", "http://127.0.0.1.example"} {
		var wrong *api.URLError
		var insecure *api.InsecureURLError
		if _, err := api.Open(url); !errors.As(err, &wrong) && !errors.As(err, &insecure) {
			t.Errorf("Open(%q) = %v, want an error about the URL", url, err)
		}
	}
}

// TestPasswordGoesNowhereElse checks that only this product's stores get the password. A store of the original product uses Ubuntu
// SSO, and other programs may answer anything.
func TestPasswordGoesNowhereElse(t *testing.T) {
	t.Setenv("STORE_ADMIN_CONFIG_DIR", t.TempDir())
	other, _, _ := newStore(t)
	for name, answer := range map[string]func(w http.ResponseWriter){
		"redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", other)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"another program": func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) },
		"another store's root": func(w http.ResponseWriter) {
			resp, err := http.Post(other+"/v2/auth/issue-store-admin", "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			var issued api.IssueAnswer
			if err := json.NewDecoder(resp.Body).Decode(&issued); err != nil {
				t.Error(err)
			}
			_ = json.NewEncoder(w).Encode(issued)
		},
	} {
		asked := 0
		hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			if r.URL.Path != "/v2/auth/issue-store-admin" {
				t.Errorf("%s: asked for %s", name, r.URL.Path)
			}
			answer(w)
		}))
		if err := api.LogIn(t.Context(), hs.URL, email, password, ""); err == nil || asked != 1 {
			t.Errorf("%s: %v, asked %d times", name, err, asked)
		}
		hs.Close()
	}
}
