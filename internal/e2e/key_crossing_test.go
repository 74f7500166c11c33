//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/freeport"
	"offlinestore/internal/hsmtest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
)

// TestKeyCrossesTheGap makes a key on the token of a store, from a workstation, registers it outside, and brings the account-key back. Then a
// device gets a serial that the key has signed. snapd's asserts package verifies the request of the key, and the serial.
func TestKeyCrossesTheGap(t *testing.T) {
	t.Parallel()
	h, err := softHSM()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	up, acme := brandOrigin(t)
	o := newOutside(t, up.url, up.Stack.RootStream())
	o.logIn(up)
	up.sso.SetAccount(upstreamtest.Account{Email: "brand@acme.example", Password: "correct-horse-battery", ID: acme.ID, Username: acme.ID})
	up.AddAssertions(acme.Assertions()...)
	in := newInside(t, o)
	in.proxy("config", "proxy.db.connection="+pgtest.New(t))
	bring := func(key string) {
		t.Helper()
		file := filepath.Join(o.dir, key+".tar.gz")
		o.admin("export", "account-keys", acme.ID, key, "--single", file, "--trusted-root", o.root)
		in.proxy("push-account-keys", file)
	}
	bring(acme.Key.KeyID()) // it signs models
	label := "crossing-" + filepath.Base(o.dir)
	h.AddToken(t, label)
	h.Give(t, in.data)
	in.proxy("config", "proxy.hsm.token-label="+label, "proxy.hsm.token-pin="+hsmtest.PIN, "proxy.hsm.module="+h.Module)
	token := strings.TrimSpace(in.proxy("add-admin", "op@acme.internal", "--role", "model-administrator", "--token"))
	admin := freeAddress(t)
	addresses, _ := in.serveOn(1, "--admin-listen", admin)
	in.url = "http://" + addresses[0]

	// The workstation, inside.
	op := &outside{t: t, dir: o.dir, root: o.root, env: []string{
		"STORE_ADMIN_CONFIG_DIR=" + filepath.Join(o.dir, "workstation"), "STORE_ADMIN_TOKEN=" + token, "BRAND_ACCOUNT_ID=" + acme.ID, "HOME=" + o.dir,
	}}
	op.admin("login", "--offline", "http://"+admin, "op@acme.internal")
	op.admin("create", "key", "serials")
	op.admin("create", "model", "pump", "--no-api-key")
	op.admin("create", "serial-policy", "--model", "pump", "--key", "serials")
	request := filepath.Join(o.dir, "serials.request")
	op.admin("export", "key-request", "serials", "--output", request)
	if got := snapddriver.Run(t, "verify", "--root", o.root, request); got.Code != 0 {
		t.Errorf("snapd's asserts package refuses the request: %s", got.Stderr)
	}
	var keys []struct {
		ID         string `json:"sha3-384"`
		Registered bool   `json:"registered"`
	}
	if err := json.Unmarshal([]byte(op.admin("list", "keys", "--json")), &keys); err != nil || len(keys) != 1 || keys[0].Registered {
		t.Fatalf("list keys = %+v, %v; want one that is not registered", keys, err)
	}

	// Outside, and back.
	o.admin("register-key", request, "--email", "brand@acme.example", "--password-file", filepath.Join(o.dir, "password"))
	bring(keys[0].ID)
	serial := in.register(acme.Model("pump", nil), up.Stack)
	if serial.SignKeyID() != keys[0].ID || serial.AuthorityID() != acme.ID {
		t.Errorf("the serial is signed by %s of %s, want %s of %s", serial.SignKeyID(), serial.AuthorityID(), keys[0].ID, acme.ID)
	}
	if log := op.admin("list", "serial-log", "pump"); !strings.Contains(log, "  "+serial.HeaderString("serial")+"  ") || !strings.Contains(log, keys[0].ID) {
		t.Errorf("the log lacks the serial:\n%s", log)
	}
}

// freeAddress returns an address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// register lets the test device ask for a serial, as snapd does with proxy.store, and verifies the answer with snapd's asserts package.
func (in *inside) register(model *assertion.Assertion, stack *assertiontest.Stack) *assertion.Assertion {
	in.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		var id struct {
			ID string `json:"request-id"`
		}
		if status, text := in.post("request-id", "application/json", nil); status != http.StatusOK || json.Unmarshal(text, &id) != nil {
			continue // the server has not heard of the key yet
		}
		brand := model.HeaderString("brand-id")
		var body bytes.Buffer
		if err := assertion.EncodeAll(&body, []*assertion.Assertion{assertiontest.SerialRequest(brand, model.HeaderString("model"), id.ID, assertiontest.DeviceKey(), nil), model}); err != nil {
			in.t.Fatal(err)
		}
		status, text := in.post("devices", "application/x.ubuntu.assertion", body.Bytes())
		if status != http.StatusOK {
			continue
		}
		list, err := assertion.DecodeAll(text)
		if err != nil {
			in.t.Fatal(err)
		}
		file := filepath.Join(in.t.TempDir(), "stream")
		body.Reset()
		if err := assertion.EncodeAll(&body, append(stack.Base(), list...)); err != nil {
			in.t.Fatal(err)
		}
		root := filepath.Join(filepath.Dir(file), "root")
		for path, content := range map[string][]byte{file: body.Bytes(), root: stack.RootStream()} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				in.t.Fatal(err)
			}
		}
		if got := snapddriver.Run(in.t, "verify", "--root", root, file); got.Code != 0 {
			in.t.Errorf("snapd's asserts package refuses the serial: %s", got.Stderr)
		}
		for _, a := range list {
			if a.Type() == "serial" {
				return a
			}
		}
		in.t.Fatalf("the answer has no serial: %s", text)
	}
	in.t.Fatal("the device got no serial")
	return nil
}

// post sends a request of a device for its registration.
func (in *inside) post(path, kind string, body []byte) (status int, text []byte) {
	in.t.Helper()
	resp, err := http.Post(in.url+"/api/v1/snaps/auth/"+path, kind, bytes.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		in.t.Fatal(err)
	}
	return resp.StatusCode, text
}
