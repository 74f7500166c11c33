//go:build linux

package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
	"offlinestore/session"
)

// fleet is a device of a brand, and a store that has the brand's keys.
type fleet struct {
	*inside
	client        *client
	brand         *assertiontest.Account
	model, serial *assertion.Assertion
	dir           string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	up := newOrigin(t)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	f := &fleet{inside: newInside(t, o), brand: up.Brand(), dir: o.dir}
	f.push(o.export("greeter")...)
	f.serve()
	f.client = &client{f.url, o.root, up}
	f.model = f.brand.Model("pump", assertiontest.Headers{"store": "acme-store"})
	f.serial = f.brand.Serial("pump", "0001", assertiontest.DeviceKey(), nil)
	o.write(f.path("model"), f.model.Raw())
	o.write(f.path("serial"), f.serial.Raw())
	key, err := assertiontest.PrivateKey("device")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	o.write(f.path("key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	var keys bytes.Buffer
	if err := assertion.EncodeAll(&keys, append(up.Stack.Base(), f.brand.Assertions()...)); err != nil {
		t.Fatal(err)
	}
	o.write(f.path("brand.assert"), keys.Bytes())
	return f
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

// install lets snapd's own code install a snap as the device, and returns the session that the device has afterwards.
func (f *fleet) install(t *testing.T) string {
	t.Helper()
	got := f.client.fetch(t, "--session", "--device-key", f.path("key"), "--model", f.path("model"), "--serial", f.path("serial"), "--session-file", f.path("session"), "greeter")
	if got.Name != "greeter" || got.Revision != 1 {
		t.Errorf("install: %s revision %d, want greeter 1", got.Name, got.Revision)
	}
	text, err := os.ReadFile(f.path("session"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keys returns the keys of the store's sessions.
func (f *fleet) keys() *session.Keys {
	return session.NewKeys(strings.TrimSpace(f.proxy("config", "proxy.device-auth.secret")))
}

func (f *fleet) setSession(t *testing.T, macaroon string) {
	t.Helper()
	if err := os.WriteFile(f.path("session"), []byte(macaroon), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDeviceSessions lets snapd's own store code open sessions with a device key and a serial, and refresh invalid ones.
func TestDeviceSessions(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	keys := f.keys()
	if d, err := keys.Open(f.install(t), time.Now()); err != nil || d.IsProven() {
		t.Errorf("session in a store without the brand's keys: %+v, %v, want one without a device", d, err)
	}
	f.proxy("push-account-keys", f.path("brand.assert"))
	f.awaitAssertion("account-key/" + f.brand.Key.KeyID())
	device := session.Device{Brand: f.brand.ID, Model: "pump", Serial: "0001", Store: "acme-store"}
	expired, err := keys.New(device, time.Now().Add(-session.Life))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := session.NewKeys("another store").New(device, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for name, before := range map[string]string{"no session": "", "an expired session": expired, "a session of another store": foreign, "a session of an older release": "offlinestore-XYZ"} {
		f.setSession(t, before)
		last = f.install(t)
		if d, err := keys.Open(last, time.Now()); d != device || err != nil {
			t.Errorf("with %s: session of %+v, %v, want %+v", name, d, err, device)
		}
	}
	if again := f.install(t); again != last {
		t.Error("snapd got another session, although it had one")
	}
	// A contradiction ends the request, and snapd shows the reason.
	other := f.brand.Serial("pump", "0002", assertiontest.DeviceKey(), assertiontest.Headers{"model": "valve"})
	if err := os.WriteFile(f.path("serial"), other.Raw(), 0o644); err != nil {
		t.Fatal(err)
	}
	f.setSession(t, "")
	got := f.client.do(t, snapddriver.ExitFailure, "install", "--root", f.client.root, "--dir", t.TempDir(), "--session", "--device-key", f.path("key"),
		"--model", f.path("model"), "--serial", f.path("serial"), "--session-file", f.path("session"), "greeter")
	if !strings.Contains(got.Stderr, "the assertions do not belong together") {
		t.Errorf("snapd says %q, want the reason", got.Stderr)
	}
}

// TestNonceOfTwoServers sends a nonce of one server to another one, twice.
func TestNonceOfTwoServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.proxy("push-account-keys", f.path("brand.assert"))
	f.awaitAssertion("account-key/" + f.brand.Key.KeyID())
	addresses, _ := f.serveOn(1)
	first, second := f.url, "http://"+addresses[0]
	var nonce struct{ Nonce string }
	postJSON(t, first+"/api/v1/snaps/auth/nonces", nil, &nonce)
	now := assertiontest.Headers{"timestamp": time.Now().UTC().Format(time.RFC3339)}
	request := assertiontest.DeviceSessionRequest(f.brand.ID, "pump", "0001", nonce.Nonce, assertiontest.DeviceKey(), now)
	body := session.Request{Request: string(request.Raw()), Serial: string(f.serial.Raw()), Model: string(f.model.Raw())}
	for i, want := range []int{200, 403, 403} {
		var answer struct{ Macaroon, Message string }
		url := []string{second, first, second}[i]
		if got := postJSON(t, url+"/api/v1/snaps/auth/sessions", body, &answer); got != want {
			t.Errorf("request %d: %d, want %d: %s", i+1, got, want, answer.Message)
		}
		if want != 200 {
			continue
		}
		if d, err := f.keys().Open(answer.Macaroon, time.Now()); err != nil || d.Brand != f.brand.ID {
			t.Errorf("session of %+v, %v", d, err)
		}
	}
}

// postJSON sends JSON and reads JSON.
func postJSON(t *testing.T, url string, body, answer any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
