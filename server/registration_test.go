package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/registrar"
	"offlinestore/server"
	"offlinestore/session"
)

// fakeRegistrar answers requests that were verified with err, or with an answer.
type fakeRegistrar struct {
	err    error
	asked  int
	closed bool
}

func (f *fakeRegistrar) Register(context.Context, *registrar.Proof) ([]byte, error) {
	f.asked++
	return []byte("the stream"), f.err
}

func (f *fakeRegistrar) Pending() int { return 3 }

func (f *fakeRegistrar) Opened() bool { return !f.closed }

// registrarSite is a store that signs serials for the model pump of the brand acme.
type registrarSite struct {
	site
	registrar *fakeRegistrar
	models    []catalog.ModelPolicy
	http.Handler
}

func newRegistrarSite(t *testing.T, models ...catalog.ModelPolicy) *registrarSite {
	t.Helper()
	b := newBlobs(t)
	c := catalogue(b)
	st := &registrarSite{registrar: &fakeRegistrar{}, models: models}
	st.stack, st.device, st.now = assertiontest.NewStack(t), assertiontest.DeviceKey(), assertiontest.Time()
	st.brand = st.stack.NewAccount("acme", "brand")
	st.model = st.brand.Model("pump", nil)
	addAssertions(c, append(st.stack.Base(), st.brand.Assertions()...)...)
	c.DeviceModels = models
	st.server = serve(t, b, c, server.Config{Trust: st.stack.Trust(), Now: func() time.Time { return st.now }, Registrar: st.registrar,
		Logger: slog.New(slog.NewTextHandler(&st.log, nil))})
	st.server.SetSettings(server.Settings{DeviceSecret: deviceSecret, AllowedDeviceServices: []string{"https://vault.example/v1"}})
	st.Handler = st.server.Handler()
	return st
}

// pumpPolicy lets a key sign the serials of pumps, which have an API key.
func pumpPolicy() catalog.ModelPolicy {
	return catalog.ModelPolicy{BrandID: "acme", Model: "pump", APIKey: "pump key", Revision: 1, KeyID: "k", AuthorityID: "acme"}
}

// serialBody returns the body of a good request.
func (st *registrarSite) serialBody(t *testing.T, changes assertiontest.Headers) string {
	t.Helper()
	var b bytes.Buffer
	request := assertiontest.SerialRequest("acme", "pump", session.NewKeys(deviceSecret).NewRequestID(st.now), st.device, changes)
	if err := assertion.EncodeAll(&b, []*assertion.Assertion{request, st.model}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// serialPaths are the paths of requests for serials, and of their request-ids.
var serialPaths = map[string]string{"/api/v1/snaps/auth/devices": "/api/v1/snaps/auth/request-id", "/device-service/serial": "/device-service/request-id", "/serial": "/request-id"}

// TestStoreWithoutSerials compares the answers of stores that sign for nobody.
func TestStoreWithoutSerials(t *testing.T) {
	t.Parallel()
	plain := newSite(t)
	without := pumpPolicy()
	without.Revision = 0
	for name, h := range map[string]http.Handler{"no model": newRegistrarSite(t), "a model without a policy": newRegistrarSite(t, without)} {
		for path, idPath := range serialPaths {
			for _, ask := range []func(h http.Handler) *http.Response{
				func(h http.Handler) *http.Response { return call(t, h, "HEAD", "/", "") },
				func(h http.Handler) *http.Response { return call(t, h, "POST", path, "x") },
				func(h http.Handler) *http.Response { return call(t, h, "POST", idPath, "") },
				func(h http.Handler) *http.Response { return call(t, h, "GET", path, "") },
				func(h http.Handler) *http.Response {
					return call(t, h, "POST", idPath, "", "X-Snap-Device-Service-URL: ://")
				},
			} {
				if diff := gocmp.Diff(dump(t, ask(plain.server.Handler())), dump(t, ask(h))); diff != "" {
					t.Errorf("%s, %s: the answer differs from the one of a store without a token:\n%s", name, path, diff)
				}
			}
		}
	}
	if r := call(t, plain.server.Handler(), "HEAD", "/", ""); r.StatusCode != 200 || r.Header.Get("Snap-Store-Version") != "" {
		t.Errorf("HEAD / of a store without serials: %d with version %q", r.StatusCode, r.Header.Get("Snap-Store-Version"))
	}
	if r := call(t, plain.server.Handler(), "POST", "/device-service/serial", ""); r.StatusCode != 404 {
		t.Errorf("the device service of a store without serials: %d, want 404", r.StatusCode)
	}
	unopened := newRegistrarSite(t, pumpPolicy())
	unopened.registrar.closed = true
	if r := call(t, unopened, "HEAD", "/", ""); r.StatusCode != 200 || r.Header.Get("Snap-Store-Version") != "" {
		t.Errorf("HEAD / of a store whose token was never opened: %d with version %q", r.StatusCode, r.Header.Get("Snap-Store-Version"))
	}
	if r := call(t, newRegistrarSite(t, pumpPolicy()), "HEAD", "/", ""); r.StatusCode != 200 || r.Header.Get("Snap-Store-Version") < "6" {
		t.Errorf("HEAD / of a store with serials: %d with version %q", r.StatusCode, r.Header.Get("Snap-Store-Version"))
	}
}

// TestRegisterDevice asks for serials on each path.
func TestRegisterDevice(t *testing.T) {
	t.Parallel()
	st := newRegistrarSite(t, pumpPolicy())
	for path, idPath := range serialPaths {
		id := decode[map[string]string](t, call(t, st, "POST", idPath, "", "api-key: pump key"), 200)["request-id"]
		if _, err := session.NewKeys(deviceSecret).RequestID(id, st.now); err != nil {
			t.Errorf("%s: %q: %v", idPath, id, err)
		}
		r := call(t, st, "POST", path, st.serialBody(t, nil), "api-key: pump key")
		if got := bodyOf(t, r); r.StatusCode != 200 || got != "the stream" || r.Header.Get("Content-Type") != "application/x.ubuntu.assertion" {
			t.Errorf("%s: %d %s: %s", path, r.StatusCode, r.Header.Get("Content-Type"), got)
		}
		for _, p := range []string{path, idPath} {
			if r := call(t, st, "POST", p, st.serialBody(t, nil), "api-key: wrong"); r.StatusCode != 403 {
				t.Errorf("%s with a wrong key: %d, want 403", p, r.StatusCode)
			}
			if r := call(t, st, "POST", p, st.serialBody(t, nil)); r.StatusCode != 403 {
				t.Errorf("%s without a key: %d, want 403", p, r.StatusCode)
			}
		}
		if r := call(t, st, "GET", path, ""); r.StatusCode != 405 {
			t.Errorf("GET %s: %d, want 405", path, r.StatusCode)
		}
	}
	if n := st.registrar.asked; n != 3 {
		t.Errorf("%d requests reached the registrar, want 3", n)
	}
	if log := st.log.String(); strings.Contains(log, "pump key") || !strings.Contains(log, "API key is wrong") {
		t.Errorf("log: %s", log)
	}
	open := pumpPolicy()
	open.APIKey = ""
	st = newRegistrarSite(t, open)
	for path, idPath := range serialPaths {
		for _, p := range []string{path, idPath} {
			if r := call(t, st, "POST", p, st.serialBody(t, nil)); r.StatusCode != 200 {
				t.Errorf("%s for a model without a key: %d, want 200", p, r.StatusCode)
			}
		}
	}
}

// TestDeviceServiceURLs names device services in requests that come through proxy.store.
func TestDeviceServiceURLs(t *testing.T) {
	t.Parallel()
	st := newRegistrarSite(t, pumpPolicy())
	for url, want := range map[string]int{
		"http://store.example/device-service/": 200, "https://store.example/": 200, "https://STORE.example:8443/device-service/": 200,
		"https://vault.example/v1/": 200, "https://vault.example/v1/pumps/": 200,
		"https://store.example/other/": 403, "http://vault.example/v1/": 403, "https://vault.example/v12/": 403, "https://vault.example:444/v1/": 403, "https://other.example/": 403,
		"https://vault.example@other.example/v1/": 400, "ftp://store.example/": 400, "://": 400, "": 400, "/device-service/": 400,
	} {
		for _, path := range []string{"/api/v1/snaps/auth/request-id", "/api/v1/snaps/auth/devices"} {
			r := call(t, st, "POST", "http://store.example"+path, st.serialBody(t, nil), "api-key: pump key", "X-Snap-Device-Service-URL: "+url)
			if r.StatusCode != want {
				t.Errorf("%s for %q: %d, want %d: %s", path, url, r.StatusCode, want, bodyOf(t, r))
			}
		}
		if r := call(t, st, "POST", "http://store.example/api/v1/snaps/auth/devices", st.serialBody(t, nil), "X-Snap-Device-Service-URL: "+url); r.StatusCode < 400 {
			t.Errorf("%q without its API key: %d", url, r.StatusCode)
		}
	}
	r := call(t, st, "POST", "http://store.example/api/v1/snaps/auth/request-id", "", "X-Snap-Device-Service-URL: https://other.example/")
	if got := bodyOf(t, r); !strings.Contains(got, "proxy.device-auth.allowed-device-service-urls") || !strings.Contains(got, "https://other.example/") {
		t.Errorf("the refusal tells nothing: %s", got)
	}
}

// TestSerialErrors checks the answers to a device, and that snapd retries only what may be over soon.
func TestSerialErrors(t *testing.T) {
	t.Parallel()
	st := newRegistrarSite(t, pumpPolicy())
	for _, tt := range []struct {
		err     error
		status  int
		message string
		log     string
	}{
		{registrar.ErrPending, 202, "not signed yet", ""},
		{catalog.ErrRequestUsed, 403, "used before", "used before"},
		{session.ErrExpired, 403, "expired", "expired"},
		{registrar.ErrRemodel, 403, "may not become", "may not become"},
		{registrar.ErrPolicy, 404, "no serial policy", "no serial policy"},
		{errors.Join(registrar.ErrSigningKey, errors.New("no account-key")), 403, "its log has the reason", "no account-key"},
		{errors.Join(registrar.ErrNoToken, errors.New("wrong PIN")), 403, "its log has the reason", "wrong PIN"},
		{registrar.ErrNoKey, 403, "its log has the reason", "no such key"},
		{registrar.ErrCrowd, 503, "at the moment", "too many"},
		{registrar.ErrBusy, 503, "at the moment", "busy"},
		{registrar.ErrTokenAway, 503, "at the moment", "gone away"},
		{errors.Join(catalog.ErrUnavailable, errors.New("dial failed")), 503, "at the moment", "dial failed"},
	} {
		st.log.Reset()
		st.registrar.err = tt.err
		r := call(t, st, "POST", "/serial", st.serialBody(t, nil), "api-key: pump key")
		var v struct {
			Message   string
			ErrorList []struct{ Message string } `json:"error-list"`
		}
		text := bodyOf(t, r)
		if err := json.Unmarshal([]byte(text), &v); err != nil || r.StatusCode != tt.status || !strings.Contains(v.Message, tt.message) || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: %d %s", tt.err, r.StatusCode, text)
		}
		if retries := r.Header.Get("Retry-After") != ""; retries != (tt.status == 202 || tt.status > 500) {
			t.Errorf("%v: Retry-After is %q", tt.err, r.Header.Get("Retry-After"))
		}
		if log := st.log.String(); !strings.Contains(log, tt.log) || tt.log != "" && !strings.Contains(log, "brand=acme model=pump") {
			t.Errorf("%v: log %q", tt.err, log)
		}
	}
	st.registrar.err = nil
	for body, want := range map[string]int{"": 400, "x": 400, strings.Repeat("x", registrar.MaxBody+1): 413, strings.Replace(st.serialBody(t, nil), "\nmodel: pump", "\nmodel: tap", 1): 403,
		strings.ReplaceAll(st.serialBody(t, nil), "\nmodel: pump", "\nmodel: tap"): 404, st.serialBody(t, assertiontest.Headers{"request-id": "forged"}): 403} {
		if r := call(t, st, "POST", "/serial", body, "api-key: pump key"); r.StatusCode != want {
			t.Errorf("body %.40q of %d bytes: %d, want %d: %s", body, len(body), r.StatusCode, want, bodyOf(t, r))
		}
	}
	metrics := bodyOf(t, call(t, st, "GET", "/metrics", ""))
	for _, line := range []string{`offlinestore_serial_requests_total{result="pending"} 1`, `offlinestore_serial_requests_total{result="failed"} 4`, "offlinestore_serial_requests_waiting 3"} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
