//go:build linux || darwin

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"offlinestore/account"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
)

// The brand's store of the demonstration, and the account of its administrator.
const (
	brandStore    = "acme-pumps"
	adminEmail    = "jo@acme.example"
	adminPassword = "correct-horse-battery"
)

// addBrand gives the simulated Snap Store a store of the brand acme with the private snap pump, a dashboard and Ubuntu SSO.
func (u *upstream) addBrand(store *upstreamtest.Store, sso *upstreamtest.SSO, dir string) (err error) {
	u.brand = store.Brand()
	store.SetBrandStore(upstreamtest.BrandStore{ID: brandStore, Name: "Acme's pumps", Brand: u.brand.ID, Roles: map[string][]string{adminEmail: {"admin"}}})
	s := upstreamtest.Snap{Name: "pump", Base: "core24", Store: brandStore, Summary: "Control Acme's pumps"}
	rev := upstreamtest.Rev{Revision: 7}
	rev.YAML = upstreamtest.YAML(s, rev)
	path := filepath.Join(dir, "pump.snap")
	if err := upstreamtest.MakeSnap(path, rev.YAML, nil, 64<<10); err != nil {
		return err
	}
	rev.Blob = upstreamtest.File(path)
	if err := errors.Join(store.AddSnap(s), store.AddRevision("pump", rev), store.Release("pump", "", "stable", 7)); err != nil {
		return err
	}
	sso.SetAccount(upstreamtest.Account{Email: adminEmail, Password: adminPassword, ID: "JoJoJoJoJoJoJoJoJoJoJoJoJoJoJoJo", Username: "jo"})
	addBrandAccount(sso, u.brand)
	store.AddAssertions(store.Stack.Account("JoJoJoJoJoJoJoJoJoJoJoJoJoJoJoJo", "Jo", nil))
	login, err := u.serve("127.0.0.1:0", sso.Handler())
	if err != nil {
		return err
	}
	sso.SetHost(login)
	dashboard, err := u.serve("127.0.0.1:0", store.Dashboard())
	u.sso, u.dashboard = "http://"+login, "http://"+dashboard
	return err
}

// brandStore brings the store of the brand inside, and lets the real client install its private snap with and without the right to it.
func (g *tour) brandStore(u *upstream) error {
	g.say("A brand has a store of its own, with private snaps. Its administrator logs in, and exports it with its signing key.")
	g.env = append(g.env, "STORE_DASHBOARD_URL="+u.dashboard, "UBUNTU_ONE_SSO_URL="+u.sso)
	for _, name := range account.Variables {
		g.env = append(g.env, name+"=") // a real login has no place here
	}
	password := g.path("outside/password")
	if err := os.WriteFile(password, []byte(adminPassword+"\n"), 0o600); err != nil {
		return err
	}
	if err := g.run("store-admin", "login", adminEmail, "--password-file", password); err != nil {
		return err
	}
	file := g.path("disk/store-export.tar.gz")
	if err := g.run("store-admin", "export", "store", brandStore, "--key", u.brand.Key.KeyID(), "--single", file, "--cache-dir", g.path("outside/cache"), "--trusted-root", u.root); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "push-store", file); err != nil {
		return err
	}
	urls, stop, err := g.serve()
	if err != nil {
		return err
	}
	defer stop()
	client, err := snapddriver.Binary(g.ctx)
	if err != nil {
		return fmt.Errorf("build the snapd client: %w", err)
	}
	g.say("A device without a model of the brand does not find the snap.")
	install := []string{"install", "--store", urls[0], "--root", u.root, "--dir", g.path("device")}
	fmt.Printf("\n$ snapdclient install --store %s pump\n", urls[0])
	if out, err := g.command(client, append(install, "pump")...).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("snap not found")) {
		return fmt.Errorf("a stranger asks for the private snap: %w: %s", err, out)
	}
	fmt.Println("snap not found")
	g.say("A device of the brand opens a session with its model, its serial and its key, and gets the snap.")
	args, err := g.device(u.brand)
	if err != nil {
		return err
	}
	fmt.Printf("\n$ snapdclient install --store %s --store-id %s --model model --serial serial --device-key key pump\n", urls[0], brandStore)
	out, err := g.command(client, append(append(install, args...), "pump")...).Output()
	if err != nil {
		return fmt.Errorf("the snapd client: %w", err)
	}
	showClient(out)
	return nil
}

// device makes a device of the brand, and returns its arguments for the client.
func (g *tour) device(brand *assertiontest.Account) ([]string, error) {
	key, err := assertiontest.PrivateKey("device")
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	args := []string{"--session", "--store-id", brandStore}
	for flag, text := range map[string][]byte{
		"device-key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "session-file": nil,
		"model":  brand.Model("pump", assertiontest.Headers{"store": brandStore}).Raw(),
		"serial": brand.Serial("pump", "0001", assertiontest.DeviceKey(), nil).Raw(),
	} {
		path := g.path("device/" + flag)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--"+flag, path)
	}
	return args, nil
}
