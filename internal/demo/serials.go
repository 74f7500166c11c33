//go:build linux || darwin

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/freeport"
	"offlinestore/internal/upstreamtest"
)

// The account of the brand, which may register keys, the administrator of the store, and the model of the device.
const (
	brandEmail    = "brand@acme.example"
	brandPassword = "battery-staple-horse"
	modelAdmin    = "ada@factory.internal"
	pumpModel     = "pump-3000"
)

// softHSM is the module of Debian's SoftHSMv2.
const softHSM = "/usr/lib/softhsm/libsofthsm2.so"

// maxAnswer bounds the answers to the device, in bytes.
const maxAnswer = 1 << 20

// serials puts a key of the brand on a token, and lets a new device get its serial from it.
func (g *tour) serials(u *upstream) error {
	if _, err := os.Stat(softHSM); err != nil {
		g.say("A store can sign the serials of devices with keys on a PKCS#11 token. This act needs SoftHSM: install softhsm2.")
		return nil
	}
	g.say("New devices need serials. The brand's key is made on a PKCS#11 token inside, and never leaves it. SoftHSM stands in for one.")
	if err := g.addToken(); err != nil {
		return err
	}
	admin, err := freeport.Address()
	if err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "config", "proxy.hsm.token-label=acme", "proxy.hsm.token-pin=1234", "proxy.hsm.module="+softHSM, "proxy.admin.listen="+admin); err != nil {
		return err
	}
	c := g.program("snap-store-proxy", "add-admin", modelAdmin, "--role", "model-administrator", "--token")
	token, err := c.Output()
	if err != nil {
		return err
	}
	fmt.Println("(a token for one login)")
	urls, stop, err := g.serve()
	if err != nil {
		return err
	}
	defer stop()
	g.env = append(g.env, "STORE_ADMIN_TOKEN="+lastWord(token), "BRAND_ACCOUNT_ID="+u.brand.ID)
	err = g.run("store-admin", "login", "--offline", "http://"+admin, modelAdmin)
	g.env = append(g.env, "STORE_ADMIN_TOKEN=") // it was for this login
	if err == nil {
		err = g.makeKey(u)
	}
	if err != nil {
		return err
	}
	return g.register(u, urls[0])
}

// addToken makes a token that the user of the store can read.
func (g *tour) addToken() error {
	settings := g.path("inside/softhsm2.conf")
	if err := os.WriteFile(settings, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", g.path("inside/tokens")), 0o644); err != nil {
		return err
	}
	g.env = append(g.env, "SOFTHSM2_CONF="+settings)
	if err := os.Mkdir(g.path("inside/tokens"), 0o700); err != nil {
		return err
	}
	fmt.Printf("\n$ softhsm2-util --init-token --free --label acme --pin 1234 --so-pin 123456\n")
	if out, err := g.command("softhsm2-util", "--init-token", "--free", "--label", "acme", "--pin", "1234", "--so-pin", "123456").CombinedOutput(); err != nil {
		return fmt.Errorf("make a token: %w: %s", err, out)
	}
	if out, err := g.command("chown", "-R", "--reference="+g.data, g.path("inside/tokens")).CombinedOutput(); err != nil {
		return fmt.Errorf("give the token to the store: %w: %s", err, out)
	}
	return nil
}

// makeKey makes the brand's key, carries its request outside and the account-key inside, and lets it sign for a model.
func (g *tour) makeKey(u *upstream) error {
	for _, args := range [][]string{
		{"create", "key", "serials"},
		{"export", "key-request", "serials", "--output", g.path("disk/serials.request")},
	} {
		if err := g.run("store-admin", args...); err != nil {
			return err
		}
	}
	g.say("The request of the key crosses the gap once, and so does the account-key that the Snap Store gives for it.")
	password := g.path("outside/brand-password")
	if err := os.WriteFile(password, []byte(brandPassword+"\n"), 0o600); err != nil {
		return err
	}
	if err := g.run("store-admin", "register-key", g.path("disk/serials.request"), "--email", brandEmail, "--password-file", password); err != nil {
		return err
	}
	id, err := requestedKey(g.path("disk/serials.request"))
	if err != nil {
		return err
	}
	for _, step := range [][]string{
		{"store-admin", "export", "account-keys", u.brand.ID, id, "--single", g.path("disk/keys.tar"), "--compression", "none", "--cache-dir", g.path("outside/cache"), "--trusted-root", u.root},
		{"snap-store-proxy", "push-account-keys", g.path("disk/keys.tar")},
		{"store-admin", "create", "model", pumpModel, "--no-api-key"},
		{"store-admin", "create", "serial-policy", "--model", pumpModel, "--key", "serials"},
		{"store-admin", "list", "models"},
	} {
		if err := g.run(step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// register plays the first boot of a device, which asks for a request-id, and for its serial.
func (g *tour) register(u *upstream, store string) error {
	g.say("A new device boots. It makes a key, asks for a request-id, and sends a serial-request with its model.")
	answer, err := post(store+"/api/v1/snaps/auth/request-id", "application/json", nil)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); { // the server learns of the model in a moment
		time.Sleep(100 * time.Millisecond)
		answer, err = post(store+"/api/v1/snaps/auth/request-id", "application/json", nil)
	}
	if err != nil {
		return err
	}
	var id struct {
		RequestID string `json:"request-id"`
	}
	if err := json.Unmarshal(answer, &id); err != nil {
		return err
	}
	request := assertiontest.SerialRequest(u.brand.ID, pumpModel, id.RequestID, assertiontest.DeviceKey(), assertiontest.Headers{"serial": "PUMP-0001"})
	var body bytes.Buffer
	if err := assertion.EncodeAll(&body, []*assertion.Assertion{request, u.brand.Model(pumpModel, nil)}); err != nil {
		return err
	}
	fmt.Printf("\n$ curl --data-binary @request %s/api/v1/snaps/auth/devices\n", store)
	if answer, err = post(store+"/api/v1/snaps/auth/devices", "application/x.ubuntu.assertion", body.Bytes()); err != nil {
		return err
	}
	list, err := assertion.DecodeAll(answer)
	if err != nil || len(list) == 0 || list[0].Type() != "serial" {
		return errors.Join(err, fmt.Errorf("the store answers %.200s", answer))
	}
	for _, name := range []string{"type", "authority-id", "brand-id", "model", "serial", "timestamp", "sign-key-sha3-384"} {
		fmt.Printf("%s: %s\n", name, list[0].HeaderString(name))
	}
	g.say("The serial is in the log, and every act of this demonstration in the audit trail.")
	if err := g.run("store-admin", "list", "serial-log", pumpModel); err != nil {
		return err
	}
	return g.run("snap-store-proxy", "audit", "verify")
}

// post sends a request of the device.
func post(url, media string, body []byte) ([]byte, error) {
	resp, err := http.Post(url, media, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the store answers %s: %.300s", resp.Status, answer)
	}
	return answer, err
}

// requestedKey returns the SHA3-384 of the key in an account-key-request.
func requestedKey(file string) (string, error) {
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return "", err
	}
	a, err := assertion.Decode(text)
	if err != nil {
		return "", err
	}
	return a.HeaderString("public-key-sha3-384"), nil
}

// lastWord returns the last word of a text.
func lastWord(text []byte) string {
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// addBrandAccount gives the brand a login that may register keys.
func addBrandAccount(sso *upstreamtest.SSO, brand *assertiontest.Account) {
	sso.SetAccount(upstreamtest.Account{Email: brandEmail, Password: brandPassword, ID: brand.ID, Username: "acme"})
}
