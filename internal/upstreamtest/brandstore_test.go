package upstreamtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"offlinestore/account"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/macaroons"
	"offlinestore/upstream"
)

// brandStores is a store with the stores of a brand, and the addresses of all services.
type brandStores struct {
	*upstreamtest.Store
	store, dashboard, sso string
}

// serveBrandStores serves a store of the brand acme with a parent, a friendly store, and a private snap in each.
func serveBrandStores(t *testing.T) *brandStores {
	t.Helper()
	sso := upstreamtest.NewSSO()
	s, err := upstreamtest.New(upstreamtest.Options{SSO: sso})
	if err != nil {
		t.Fatal(err)
	}
	admin := map[string][]string{"jo@acme.example": {"admin"}, "vi@acme.example": {"view"}}
	for _, b := range []upstreamtest.BrandStore{
		{ID: "acme-pumps", Name: "Pumps", Brand: "acme", Parent: "acme-base", Roles: admin, Includes: []string{"far", "hello"}},
		{ID: "acme-base", Brand: "acme", Roles: admin}, {ID: "friend", Brand: "friend"}, {ID: "stranger", Brand: "stranger"},
	} {
		s.SetBrandStore(b)
	}
	s.SignStore("acme-pumps", assertiontest.RootID, assertiontest.Headers{"friendly-stores": []any{"friend"}})
	for name, store := range map[string]string{"hello": "", "pump": "acme-pumps", "base": "acme-base", "near": "friend", "far": "stranger", "hidden": "stranger"} {
		if err := s.AddSnap(upstreamtest.Snap{Name: name, Store: store}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddRevision(name, upstreamtest.Rev{Revision: 3, Blob: upstreamtest.Random(name, 99)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(name, "", "stable", 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddSnap(upstreamtest.Snap{Name: "registered", Store: "acme-pumps"}); err != nil {
		t.Fatal(err)
	}
	b := &brandStores{Store: s}
	for h, at := range map[*http.Handler]*string{handler(s.Handler()): &b.store, handler(s.Dashboard()): &b.dashboard, handler(sso.Handler()): &b.sso} {
		srv := httptest.NewServer(*h)
		t.Cleanup(srv.Close)
		*at = srv.URL
	}
	sso.SetHost(strings.TrimPrefix(b.sso, "http://"))
	for _, name := range []string{"jo", "vi", "ed"} {
		sso.SetAccount(upstreamtest.Account{Email: name + "@acme.example", Password: "secret", ID: strings.Repeat(name, 16), Username: name})
	}
	return b
}

func handler(h http.Handler) *http.Handler { return &h }

// login returns a session of an account with the permissions of a login.
func (b *brandStores) login(t *testing.T, email string, permissions ...string) *account.Session {
	t.Helper()
	dashboard, err := upstream.NewLogin(upstream.Config{Origin: b.dashboard})
	if err != nil {
		t.Fatal(err)
	}
	sso, err := upstream.NewLogin(upstream.Config{Origin: b.sso})
	if err != nil {
		t.Fatal(err)
	}
	root, caveat, err := dashboard.RequestMacaroon(t.Context(), upstream.MacaroonRequest{Permissions: permissions, Expires: time.Now().Add(time.Hour)}, sso.Host())
	if err != nil {
		t.Fatal(err)
	}
	discharge, err := sso.Discharge(t.Context(), upstream.DischargeRequest{Email: email, Password: "secret", CaveatID: caveat})
	if err != nil {
		t.Fatal(err)
	}
	s, err := account.NewSession(&account.Login{SSO: b.sso, Credentials: macaroons.Credentials{Root: root, Discharge: discharge}}, upstream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// request sends a request for a snap in one of several ways, and returns the status, or "not found" of a refresh.
func (b *brandStores) request(t *testing.T, route, snap, store, authorization string) string {
	t.Helper()
	method, body := http.MethodGet, ""
	path := map[string]string{
		"info": "/v2/snaps/info/" + snap, "refresh": "/v2/snaps/refresh", "download": "/api/v1/snaps/download/" + upstreamtest.ID(snap) + "_3.snap",
		"declaration": "/v2/assertions/snap-declaration/16/" + upstreamtest.ID(snap) + "?max-format=7",
	}[route]
	if route == "refresh" {
		method, body = http.MethodPost, `{"context": [], "actions": [{"action": "install", "instance-key": "x", "name": "`+snap+`"}], "fields": ["revision"]}`
	}
	r, err := http.NewRequestWithContext(t.Context(), method, b.store+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Snap-Device-Series": "16", "Snap-Device-Architecture": "amd64", "Content-Type": "application/json"} {
		r.Header.Set(name, value)
	}
	header := "X-Ubuntu-Store"
	if strings.HasPrefix(path, "/v2/snaps") {
		header = "Snap-Device-Store"
	}
	if store != "" {
		r.Header.Set(header, store)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if route == "refresh" && strings.Contains(string(text), "name-not-found") || resp.StatusCode == http.StatusNotFound {
		return "unknown"
	}
	return "known"
}

// TestBrandStoreVisibility shows who sees which snap: the rows are the clients, the columns are the snaps.
func TestBrandStoreVisibility(t *testing.T) {
	t.Parallel()
	b := serveBrandStores(t)
	jo := b.login(t, "jo@acme.example", "package_access").Authorization()
	vi := b.login(t, "vi@acme.example", "package_access").Authorization()
	ed := b.login(t, "ed@acme.example", "package_access").Authorization()
	snaps := []string{"hello", "pump", "base", "near", "far", "hidden"}
	for _, c := range []struct{ name, store, authorization, known string }{
		{"anonymous", "", "", "hello"},
		{"the store without a login", "acme-pumps", "", "hello"},
		{"a login without the store", "", jo, "hello"},
		{"an admin", "acme-pumps", jo, "hello pump base near far"},
		{"a viewer", "acme-pumps", vi, "hello pump base near far"},
		{"somebody else", "acme-pumps", ed, "hello"},
		{"the parent", "acme-base", jo, "hello base"},
		{"another store", "stranger", jo, "hello"},
	} {
		for _, snap := range snaps {
			want := "unknown"
			if strings.Contains(" "+c.known+" ", " "+snap+" ") {
				want = "known"
			}
			for _, route := range []string{"info", "refresh", "declaration", "download"} {
				if got := b.request(t, route, snap, c.store, c.authorization); got != want {
					t.Errorf("%s: %s of %s: %s, want %s", c.name, route, snap, got, want)
				}
			}
		}
	}
}

// TestDashboard reads the answers of the dashboard with the client.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b := serveBrandStores(t)
	c, err := upstream.NewDashboard(upstream.Config{Origin: b.dashboard, Auth: b.login(t, "jo@acme.example", "package_access", "store_admin")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.StoreAccount(t.Context())
	if err != nil || a.ID != strings.Repeat("jo", 16) {
		t.Fatalf("StoreAccount = %+v, %v", a, err)
	}
	got, err := c.BrandStore(t.Context(), "acme-pumps")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "Pumps" || got.BrandID != "acme" || got.Parent != "acme-base" {
		t.Errorf("BrandStore = %+v", got)
	}
	text := ""
	for _, s := range got.Snaps {
		text += s.Name + " of " + s.Store
		if s.IsGlobal() {
			text += ", global"
		}
		if !s.IsReleased() {
			text += ", unreleased"
		}
		text += "; "
	}
	if want := "far of stranger; hello of ubuntu, global; pump of acme-pumps; registered of acme-pumps, unreleased; "; text != want {
		t.Errorf("snaps: %s\nwant   %s", text, want)
	}
}

// recordedSnaps has the members of an answer of the real dashboard to /api/v2/stores/{id}/snaps of January 2025.
const recordedSnaps = `{"store": {"id": "GahNg0wohVae8aY4", "brand-id": "storeteam-brand", "name": "A Store", "private": true, "parent": null,
	"manual-review-policy": "allow", "roles": [{"role": "admin", "label": "Admin", "description": "text"}], "store-whitelist": [],
	"allowed-inclusion-source-stores": ["other"], "allowed-inclusion-target-stores": ["other"],
	"snap-name-prefixes": [{"prefix": "storeteam", "inheritable": false, "parent-id": null}]},
	"snaps": [{"id": "q5QfuRcJvqFvuhgPEqbBexRBqSwXjuXd", "essential": false, "name": "cloud-tests", "private": false,
	"users": [{"displayname": "Canonical", "username": "canonical", "roles": ["owner"]}], "store": "ubuntu", "other-stores": ["GahNg0wohVae8aY4"],
	"latest-release": {"channel": "1.23/edge", "timestamp": "2024-10-18T21:38:21.435699+00:00", "version": "1.23.0", "revision": 1413}}]}`

// TestRecordedDashboard reads an answer with the members of the real dashboard's, and compares the simulation with it.
func TestRecordedDashboard(t *testing.T) {
	t.Parallel()
	text := []byte(recordedSnaps)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(text)
	}))
	t.Cleanup(srv.Close)
	c, err := upstream.NewDashboard(upstream.Config{Origin: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.BrandStore(t.Context(), "GahNg0wohVae8aY4")
	if err != nil {
		t.Fatal(err)
	}
	if got.BrandID != "storeteam-brand" || got.Parent != "" || len(got.Snaps) != 1 || !got.Snaps[0].IsGlobal() || !got.Snaps[0].IsReleased() {
		t.Errorf("BrandStore = %+v", got)
	}
	// The simulation has every member of the recorded answer.
	b := serveBrandStores(t)
	simulated := b.get(t, "/api/v2/stores/acme-pumps/snaps", b.login(t, "jo@acme.example", "store_admin").Authorization())
	compareMembers(t, "", decodeJSON(t, text), decodeJSON(t, simulated))
}

func (b *brandStores) get(t *testing.T, path, authorization string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.dashboard+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decodeJSON(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// compareMembers fails if a recorded object has a member that the simulated one lacks.
func compareMembers(t *testing.T, at string, recorded, simulated any) {
	t.Helper()
	switch r := recorded.(type) {
	case map[string]any:
		s, _ := simulated.(map[string]any)
		for name, v := range r {
			got, ok := s[name]
			if !ok {
				t.Errorf("%s.%s: not simulated", at, name)
			}
			compareMembers(t, at+"."+name, v, got)
		}
	case []any:
		if s, _ := simulated.([]any); len(r) > 0 && len(s) > 0 {
			compareMembers(t, at+"[0]", r[0], s[0])
		}
	}
}

// TestDashboardRefuses compares the errors of the client when the dashboard refuses a store.
func TestDashboardRefuses(t *testing.T) {
	t.Parallel()
	b := serveBrandStores(t)
	for _, c := range []struct {
		name, email, store string
		permissions        []string
		permission         bool
	}{
		{"role view", "vi@acme.example", "acme-pumps", []string{"store_admin"}, false},
		{"no role", "ed@acme.example", "acme-pumps", []string{"store_admin"}, false},
		{"no such store", "jo@acme.example", "nowhere", []string{"store_admin"}, false},
		{"no permission", "jo@acme.example", "acme-pumps", []string{"package_access"}, true},
	} {
		d, err := upstream.NewDashboard(upstream.Config{Origin: b.dashboard, Auth: b.login(t, c.email, c.permissions...)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.BrandStore(t.Context(), c.store)
		var role *upstream.RoleError
		if !errors.As(err, &role) || role.Store != c.store || role.Permission != c.permission {
			t.Errorf("%s: %v, want a RoleError", c.name, err)
		}
	}
}
