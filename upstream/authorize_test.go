package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"offlinestore/snap"
	"offlinestore/upstream"
)

// ticket is an Authorizer. Each refresh makes the next ticket.
type ticket struct {
	mu  sync.Mutex
	n   int
	err error
}

func (a *ticket) value() string {
	return fmt.Sprintf(`Macaroon root="root-root-root-root", discharge="discharge-number-%d"`, a.n)
}

func (a *ticket) Authorization() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value()
}

func (a *ticket) Refresh(_ context.Context, old string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old == a.value() && a.err == nil {
		a.n++
	}
	return a.err
}

// TestRefreshes lets the store ask for a refreshed login in each documented form: a header, a code, and a code in an answer with status 200.
func TestRefreshes(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]http.HandlerFunc{
		"header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			w.WriteHeader(http.StatusUnauthorized)
		},
		"code": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error_list":[{"code":"macaroon-needs-refresh","message":"Expired macaroon (age: 103902 seconds)"}]}`)
		},
		"list": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"results":[],"error-list":[{"code":"user-authorization-needs-refresh","message":"soft-expired"}]}`)
		},
		"result": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"results":[{"result":"error","error":{"code":"user-authorization-needs-refresh","message":"soft-expired"}}],"error-list":[]}`)
		},
	} {
		for _, always := range []bool{false, true} {
			auth := &ticket{}
			var asked []string
			c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || !strings.Contains(string(body), `"hello"`) {
					t.Errorf("%s: request %d has the body %q, %v", name, len(asked)+1, body, err)
				}
				asked = append(asked, r.Header.Get("Authorization"))
				if always || r.Header.Get("Authorization") == (&ticket{}).Authorization() {
					refuse(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"results":[{"result":"error","instance-key":"0","error":{"code":"revision-not-found","message":"none"}}],"error-list":[]}`)
			}), upstream.Config{Auth: auth})
			_, err := c.Resolve(t.Context(), "amd64", []snap.Action{{Name: "hello", Channel: "stable"}})
			if len(asked) != 2 || asked[0] == asked[1] {
				t.Errorf("%s: asked with %q, want twice", name, asked)
			}
			if always && !errors.Is(err, upstream.ErrUnauthorized) || !always && errors.Is(err, upstream.ErrUnauthorized) {
				t.Errorf("%s: %v; refused always: %v", name, err, always)
			}
			if err != nil && (strings.Contains(err.Error(), "discharge-number") || strings.Contains(err.Error(), "root-root")) {
				t.Errorf("%s: the error shows the login: %v", name, err)
			}
		}
	}
}

// TestRefreshFails checks that a failed refresh ends the request at once.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	auth, asked := &ticket{err: errors.New("log in again")}, 0
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
		w.WriteHeader(http.StatusUnauthorized)
	}), upstream.Config{Auth: auth})
	if _, err := c.Info(t.Context(), "hello"); !errors.Is(err, auth.err) || asked != 1 {
		t.Errorf("Info = %v after %d requests, want the error of the refresh after one", err, asked)
	}
}

// TestLoginStaysAtTheStore redirects a download through other hosts. Only the store sees the login.
func TestLoginStaysAtTheStore(t *testing.T) {
	t.Parallel()
	data, auth := blob(1000), &ticket{}
	seen := make(map[string]string)
	var store, other *httptest.Server
	other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen["other"+r.URL.Path] = r.Header.Get("Authorization")
		if r.URL.Path == "/challenge" {
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		ranged(data)(w, r)
	}))
	t.Cleanup(other.Close)
	store = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen["store"+r.URL.Path] = r.Header.Get("Authorization")
		w.Header().Set("Location", map[string]string{
			"/blob": other.URL + "/blob", "/alias": strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/alias", "/challenge": other.URL + "/challenge",
		}[r.URL.Path])
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	t.Cleanup(store.Close)
	c, err := upstream.New(upstream.Config{Origin: store.URL, Auth: auth, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/blob", "/alias"} {
		body, _, _, err := c.Download(t.Context(), store.URL+path, 0)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		body.Close()
		if seen["store"+path] != auth.value() || seen["other"+path] != "" {
			t.Errorf("%s: the store saw %q, the other host %q", path, seen["store"+path], seen["other"+path])
		}
	}
	if _, _, _, err := c.Download(t.Context(), store.URL+"/challenge", 0); err == nil || auth.n != 0 {
		t.Errorf("another host made the login refresh: %v", err)
	}
	if _, _, err := c.Icon(t.Context(), store.URL+"/blob"); err == nil || seen["other/blob"] != "" {
		t.Errorf("an icon: %v, the other host saw %q", err, seen["other/blob"])
	}
}

// TestEchoedLogin checks that no error repeats a login, even though the store does, with any status.
func TestEchoedLogin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		body   string
	}{
		{http.StatusForbidden, `{"error-list":[{"code":"denied","message":"no access with %[1]s"}]}`},
		{http.StatusOK, `{"results":[],"error-list":[{"code":"denied with %[1]s","message":"no access with %[1]s"}]}`},
		{http.StatusOK, `{"results":[{"result":"error","instance-key":"download-1","name":"hello","error":{"code":"denied","message":"no access with %[1]s"}}]}`},
	} {
		c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(test.status)
			fmt.Fprintf(w, test.body, strings.ReplaceAll(r.Header.Get("Authorization"), `"`, " "))
		}), upstream.Config{Auth: &ticket{}})
		results, err := c.Resolve(t.Context(), "amd64", []snap.Action{{Name: "hello", Channel: "stable"}})
		text := fmt.Sprint(err)
		if err == nil && len(results) == 1 && results[0].Error != nil {
			text = results[0].Error.Message
		}
		if !strings.Contains(text, "no access with") || strings.Contains(text, "discharge-number") || strings.Contains(text, "root-root") {
			t.Errorf("Resolve after %d %s = %q, want an error without the login", test.status, test.body, text)
		}
	}
}

// TestUnauthorized checks which answers of status 401 are about the login: not the ones of another host, and not the ones to a request
// without a login.
func TestUnauthorized(t *testing.T) {
	t.Parallel()
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	other := httptest.NewServer(refuse)
	t.Cleanup(other.Close)
	for _, test := range []struct {
		name                    string
		handler                 http.Handler
		auth                    upstream.Authorizer
		unauthorized, anonymous bool
	}{
		{"login", refuse, &ticket{}, true, false},
		{"no login", refuse, nil, false, true},
		{"other host", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect), &ticket{}, false, false},
		{"other host, no login", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect), nil, false, false},
	} {
		c, _ := newClient(t, test.handler, upstream.Config{Auth: test.auth})
		_, err := c.Info(t.Context(), "hello")
		if errors.Is(err, upstream.ErrUnauthorized) != test.unauthorized || errors.Is(err, upstream.ErrAnonymous) != test.anonymous {
			t.Errorf("%s: %v; unauthorized: %v, anonymous: %v", test.name, err, errors.Is(err, upstream.ErrUnauthorized), errors.Is(err, upstream.ErrAnonymous))
		}
	}
}

func TestLoginsNeedTLS(t *testing.T) {
	t.Parallel()
	for origin, ok := range map[string]bool{
		"https://store.example": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost": true, "http://store.example": false,
		"http://127.0.0.1.example": false, "http://192.0.2.1": false, "http://localhost.example": false,
	} {
		var insecure *upstream.InsecureURLError
		if _, err := upstream.New(upstream.Config{Origin: origin, Auth: &ticket{}}); (err == nil) != ok || !ok && !errors.As(err, &insecure) {
			t.Errorf("New(%s) = %v", origin, err)
		}
		if _, err := upstream.NewLogin(upstream.Config{Origin: origin}); (err == nil) != ok || !ok && !errors.As(err, &insecure) {
			t.Errorf("NewLogin(%s) = %v", origin, err)
		}
	}
}
