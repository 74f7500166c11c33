//go:build linux

// The tests need the server, which is for Linux.
package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/internal/admintest"
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
	t.Setenv("RUNTIME_DIRECTORY", t.TempDir()) // a killed service of another test may have left a socket in the system's
	st, err := catalog.Open(t.Context(), pgtest.NewFrom(t, bundletest.Migrate))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if err := st.PutAdmin(t.Context(), catalog.Admin{Email: email, Secret: admintest.Hash(password)}); err != nil {
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

// TestStoreProvesItsKey lets other programs answer in a store's place, before and after the first login.
func TestStoreProvesItsKey(t *testing.T) {
	url, _, _ := newStore(t)
	var asked atomic.Bool
	squatter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), password) || r.Header.Get("Authorization") != "" {
			asked.Store(true)
		}
		w.Write([]byte(`{}`))
	}))
	t.Cleanup(squatter.Close)
	var impostor *api.ImpostorError
	if err := api.LogIn(t.Context(), squatter.URL, email, password, ""); !errors.As(err, &impostor) {
		t.Errorf("a program without a key: %v", err)
	}
	c, err := api.Connect(t.Context(), api.Target{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if key, first := c.Key(); !first || !strings.HasPrefix(key, "SHA256:") {
		t.Errorf("Key at the first login = %q, %v", key, first)
	}
	if err := c.LogIn(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	// Another store takes the place of the first: its login is the one that is pinned.
	other := newAdmin(t, strings.Repeat("o", 64))
	moved := httptest.NewServer(other)
	t.Cleanup(moved.Close)
	pretendLogin(t, url, moved.URL)
	if err := api.LogIn(t.Context(), moved.URL, email, password, ""); !errors.As(err, &impostor) || impostor.Want == "" || impostor.Got == "" {
		t.Errorf("a store with another key: %v", err)
	}
	if err := missing(t.Context(), moved.URL); !errors.As(err, &impostor) {
		t.Errorf("a request to a store with another key: %v", err)
	}
	if c, err := api.Connect(t.Context(), api.Target{URL: moved.URL, AcceptKey: true}); err != nil {
		t.Errorf("with AcceptKey: %v", err)
	} else if _, first := c.Key(); first {
		t.Error("the key of a store with a login counts as the first")
	}
	if asked.Load() {
		t.Error("a password or a macaroon was sent to a program without the key")
	}
}

// TestBusyStore asks a store that has no time. Nobody has taken its place.
func TestBusyStore(t *testing.T) {
	newStore(t)
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway} {
		busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(busy.Close)
		var impostor *api.ImpostorError
		if _, err := api.Connect(t.Context(), api.Target{URL: busy.URL}); err == nil || errors.As(err, &impostor) {
			t.Errorf("status %d: %v, want an error that suspects nobody", status, err)
		}
	}
}

// TestProofsAreForOneURL passes the challenge on to the real store, as a program at another URL could.
func TestProofsAreForOneURL(t *testing.T) {
	url, _, _ := newStore(t)
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Post(url+r.URL.Path, r.Header.Get("Content-Type"), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		io.Copy(w, resp.Body)
	}))
	t.Cleanup(relay.Close)
	var impostor *api.ImpostorError
	if _, err := api.Connect(t.Context(), api.Target{URL: relay.URL}); !errors.As(err, &impostor) {
		t.Errorf("a proof for another URL: %v", err)
	}
}

// TestSocket logs in through a socket in place of the TCP port, on which another program listens.
func TestSocket(t *testing.T) {
	newStore(t)
	run := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", run)
	squatter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the TCP port was asked") }))
	t.Cleanup(squatter.Close)
	path := filepath.Join(run, api.SocketName(squatter.Listener.Addr().String()))
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(newAdmin(t, strings.Repeat("s", 64)))
	srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := api.Connect(t.Context(), api.Target{URL: squatter.URL})
	if err != nil {
		t.Fatal(err)
	}
	if key, _ := c.Key(); key != api.NewIdentity(strings.Repeat("s", 64)).Fingerprint() {
		t.Errorf("Key = %q", key)
	}
	if err := os.Chmod(run, 0o777); err != nil {
		t.Fatal(err)
	}
	var wrong *api.SocketError
	if _, err := api.Connect(t.Context(), api.Target{URL: squatter.URL}); !errors.As(err, &wrong) {
		t.Errorf("a socket in a folder of anybody's: %v", err)
	}
}

// newAdmin returns the administration of an empty store.
func newAdmin(t *testing.T, secret string) http.Handler {
	t.Helper()
	st, err := catalog.Open(t.Context(), pgtest.NewFrom(t, bundletest.Migrate))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	srv, err := admin.New(admin.Config{Store: st, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return srv.Handler()
}

// pretendLogin copies the login at one URL to another.
func pretendLogin(t *testing.T, from, to string) {
	t.Helper()
	dir := filepath.Join(os.Getenv("STORE_ADMIN_CONFIG_DIR"), "logins")
	text, err := os.ReadFile(filepath.Join(dir, fileOf(from)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileOf(to)), []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// proveAny proves the identity of another program, which has a key, too.
func proveAny(t *testing.T, w http.ResponseWriter, r *http.Request) {
	var req api.IdentityRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		t.Error(err)
	}
	answer, err := api.NewIdentity("another program").Prove("http://"+r.Host, req)
	if err != nil {
		t.Error(err)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// fileOf returns the name of the file of a login.
func fileOf(rawURL string) string {
	return "http_" + url.PathEscape(strings.TrimPrefix(rawURL, "http://")) + ".json"
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
			if r.URL.Path == api.IdentityPath {
				proveAny(t, w, r)
				return
			}
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
