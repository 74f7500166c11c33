package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"offlinestore/upstream"
)

// fixedLogin is a login that is never too old.
type fixedLogin string

func (l fixedLogin) Authorization() string { return string(l) }

func (l fixedLogin) Refresh(context.Context, string) error { return errors.New("not refreshed") }

const testLogin = fixedLogin(`Macaroon root="secret-root-0123456789", discharge="secret-discharge-0123456789"`)

func newDashboard(t *testing.T, h http.HandlerFunc) *upstream.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := upstream.NewDashboard(upstream.Config{Origin: srv.URL, Auth: testLogin, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBrandStoreRefusesAnswers(t *testing.T) {
	t.Parallel()
	const id = "q5QfuRcJvqFvuhgPEqbBexRBqSwXjuXd"
	for name, c := range map[string]struct{ body, want string }{
		"another store":   {`{"store": {"id": "other", "brand-id": "acme"}, "snaps": []}`, "the dashboard answered about"},
		"no store":        {`{"snaps": []}`, "the dashboard answered about"},
		"brand":           {`{"store": {"id": "acme", "brand-id": "a/b"}, "snaps": []}`, "brand: "},
		"no brand":        {`{"store": {"id": "acme"}, "snaps": []}`, "brand: "},
		"parent":          {`{"store": {"id": "acme", "brand-id": "acme", "parent": "../x"}, "snaps": []}`, "parent: "},
		"name":            {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": [{"name": "../x", "id": "` + id + `", "store": "acme"}]}`, "../x"},
		"id":              {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": [{"name": "pump", "id": "x", "store": "acme"}]}`, "snap-id"},
		"store of a snap": {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": [{"name": "pump", "id": "` + id + `"}]}`, "store ID"},
		"twice": {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": [{"name": "pump", "id": "` + id + `", "store": "acme"},` +
			`{"name": "other", "id": "` + id + `", "store": "acme"}]}`, "listed twice"},
		"no list":      {`{"store": {"id": "acme", "brand-id": "acme"}}`, "the answer has no list of snaps"},
		"null list":    {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": null}`, "the answer has no list of snaps"},
		"list of text": {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": "none"}`, "decode the store's answer"},
		"null snap":    {`{"store": {"id": "acme", "brand-id": "acme"}, "snaps": [null]}`, "snap name"},
		"no JSON":      {`<html>`, "this is not the dashboard"},
		"huge":         {`{"x": [` + strings.Repeat("1,", 300_000) + `1]}`, "over the limit"},
	} {
		d := newDashboard(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) })
		if _, err := d.BrandStore(t.Context(), "acme"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	d := newDashboard(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, id := range []string{"", ".", "..", "a/b", "ubuntu", "a b", strings.Repeat("a", 101)} {
		if _, err := d.BrandStore(t.Context(), id); err == nil {
			t.Errorf("BrandStore(%q) succeeded", id)
		}
	}
}

// TestDashboardKeepsSecrets proves that a redirect is not followed, that plain HTTP is refused, and that errors have no secret.
func TestDashboardKeepsSecrets(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	d := newDashboard(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	if _, err := d.BrandStore(t.Context(), "acme"); err == nil || asked.Load() > 0 {
		t.Errorf("the redirect was followed %d times: %v", asked.Load(), err)
	}
	d = newDashboard(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"error_list": [{"code": "x", "message": "not for secret-root-0123456789"}]}`)
	})
	var role *upstream.RoleError
	if _, err := d.BrandStore(t.Context(), "acme"); !errors.As(err, &role) || strings.Contains(err.Error(), "secret") {
		t.Errorf("BrandStore = %v, want a RoleError without a secret", err)
	}
	for name, c := range map[string]struct{ store, list string }{
		"store":  {`{"store": {"id": "LOGIN", "brand-id": "acme"}}`, `{"snaps": []}`},
		"list":   {`{"store": {"id": "acme", "brand-id": "acme"}}`, `{"store": {"id": "LOGIN"}, "snaps": []}`},
		"brand":  {`{"store": {"id": "acme", "brand-id": "/LOGIN"}}`, `{"snaps": []}`},
		"parent": {`{"store": {"id": "acme", "brand-id": "acme", "parent": "/LOGIN"}}`, `{"snaps": []}`},
		"snap":   {`{"store": {"id": "acme", "brand-id": "acme"}}`, `{"snaps": [{"name": "/LOGIN"}]}`},
	} {
		d = newDashboard(t, func(w http.ResponseWriter, r *http.Request) {
			_, login, _ := strings.Cut(r.Header.Get("Authorization"), `"`)
			login, _, _ = strings.Cut(login, `"`)
			body := c.store
			switch {
			case strings.HasSuffix(r.URL.Path, "/snaps"):
				body = c.list
			case strings.HasSuffix(r.URL.Path, "/account"):
				body = `{"id": "/LOGIN"}`
			}
			io.WriteString(w, strings.ReplaceAll(body, "LOGIN", login))
		})
		if _, err := d.BrandStore(t.Context(), "acme"); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "…") {
			t.Errorf("a login in the %s: %v, want an error without it", name, err)
		}
		if _, err := d.StoreAccount(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("StoreAccount = %v, want an error without a secret", err)
		}
	}
	var insecure *upstream.InsecureURLError
	if _, err := upstream.NewDashboard(upstream.Config{Origin: "http://dashboard.example", Auth: testLogin}); !errors.As(err, &insecure) {
		t.Errorf("NewDashboard = %v, want an InsecureURLError", err)
	}
}

// TestForStore proves that only the store learns the store of the devices, in both versions of its API.
func TestForStore(t *testing.T) {
	t.Parallel()
	headers := func(r *http.Request) string {
		return r.Header.Get("Snap-Device-Store") + " " + r.Header.Get("X-Ubuntu-Store")
	}
	var elsewhere string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = headers(r) }))
	t.Cleanup(other.Close)
	var at []string
	c, url := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at = append(at, headers(r))
		if strings.HasSuffix(r.URL.Path, ".snap") {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return
		}
		http.NotFound(w, r)
	}), upstream.Config{Retries: -1})
	inside := c.ForStore("acme")
	inside.Info(t.Context(), "pump")
	inside.Assertion(t.Context(), "account", []string{"acme"}, 0)
	body, _, _, err := inside.Download(t.Context(), url+"/x.snap", 0)
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	c.Info(t.Context(), "pump")
	if got, want := strings.Join(at, ";"), "acme acme;acme acme;acme acme; "; got != want || elsewhere != " " {
		t.Errorf("the store got %q, want %q; another host got %q", got, want, elsewhere)
	}
}

func TestIsReleased(t *testing.T) {
	t.Parallel()
	for latest, want := range map[string]bool{
		``: true, `, "latest-release": null`: false, `, "latest-release": {"revision": null, "channel": null}`: false, `, "latest-release": {}`: false,
		`, "latest-release": {"revision": 7}`: true, `, "latest-release": "x"`: false,
	} {
		d := newDashboard(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/snaps") {
				io.WriteString(w, `{"store": {"id": "acme", "brand-id": "acme"}, "users": []}`)
				return
			}
			io.WriteString(w, `{"snaps": [{"name": "pump", "id": "q5QfuRcJvqFvuhgPEqbBexRBqSwXjuXd", "store": "acme"`+latest+`}]}`)
		})
		b, err := d.BrandStore(t.Context(), "acme")
		if err != nil || len(b.Snaps) != 1 || b.Snaps[0].IsReleased() != want {
			t.Errorf("%s: %+v, %v, want %t", latest, b, err, want)
		}
	}
}
