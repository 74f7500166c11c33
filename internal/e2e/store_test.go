//go:build linux

package e2e_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
)

// logIn serves Ubuntu SSO and the dashboard, and logs in as an administrator of the brand's stores.
func (o *outside) logIn(up *origin) {
	o.t.Helper()
	login, dashboard := httptest.NewServer(up.sso.Handler()), httptest.NewServer(up.Dashboard())
	o.t.Cleanup(login.Close)
	o.t.Cleanup(dashboard.Close)
	up.sso.SetHost(strings.TrimPrefix(login.URL, "http://"))
	up.sso.SetAccount(upstreamtest.Account{Email: adminEmail, Password: "correct-horse-battery", ID: strings.Repeat("jo", 16), Username: "jo"})
	up.AddAssertions(up.Stack.Account(strings.Repeat("jo", 16), "Jo", nil))
	o.env = append(o.env, "STORE_DASHBOARD_URL="+dashboard.URL, "UBUNTU_ONE_SSO_URL="+login.URL)
	password := filepath.Join(o.dir, "password")
	o.write(password, []byte("correct-horse-battery\n"))
	o.admin("login", adminEmail, "--password-file", password)
}

const adminEmail = "jo@acme.example"

// brandOrigin returns a Snap Store with two stores of the brand acme, acme-pumps and its parent acme-base, and a private snap in each.
func brandOrigin(t *testing.T) (*origin, *assertiontest.Account) {
	t.Helper()
	up := newOrigin(t)
	acme := up.Brand()
	for _, b := range []upstreamtest.BrandStore{{ID: "acme-pumps", Name: "Pumps", Parent: "acme-base"}, {ID: "acme-base", Name: "Base"}} {
		b.Brand, b.Roles = acme.ID, map[string][]string{adminEmail: {"admin"}}
		up.SetBrandStore(b)
	}
	for name, store := range map[string]string{"pump": "acme-pumps", "valve": "acme-base", "greeter": ""} {
		if err := up.AddSnap(upstreamtest.Snap{Name: name, Base: "none", Store: store}); err != nil {
			t.Fatal(err)
		}
		up.upload(name, upstreamtest.Rev{Revision: 1}, "stable")
	}
	return up, acme
}

// device holds the arguments of the real client for a device of a brand.
func (o *outside) device(acme *assertiontest.Account, store string) []string {
	o.t.Helper()
	key, err := assertiontest.PrivateKey("device")
	if err != nil {
		o.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		o.t.Fatal(err)
	}
	dir, err := os.MkdirTemp(o.dir, "device-")
	if err != nil {
		o.t.Fatal(err)
	}
	at := func(name string, text []byte) string {
		o.write(filepath.Join(dir, name), text)
		return filepath.Join(dir, name)
	}
	return []string{"--root", o.root, "--dir", dir, "--store-id", store, "--session", "--session-file", at("session", nil),
		"--device-key", at("key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"--model", at("model", acme.Model("pump", assertiontest.Headers{"store": store}).Raw()),
		"--serial", at("serial", acme.Serial("pump", "0001", assertiontest.DeviceKey(), nil).Raw())}
}

// wants lets the real client install snaps, and compares the revisions with the wanted ones; 0 is a snap that the device does not find.
func (c *client) wants(t *testing.T, device []string, want map[string]int) {
	t.Helper()
	for name, revision := range want {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) { // a push reaches the server a moment later
			got := snapddriver.Run(t, append(append([]string{"install", "--store", c.url}, device...), name)...)
			found := 0
			if len(got.Snaps) == 1 && got.Snaps[0].Path != "" {
				found = got.Snaps[0].Revision
			}
			if found == revision && (found > 0 || strings.Contains(got.Stderr, "snap not found")) {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: revision %d, want %d: %s", name, found, revision, got.Stderr)
				break
			}
		}
	}
}

// TestExportStore brings the store of a brand across the gap, twice. The real client gets its snaps as a device of the store, and as no other.
func TestExportStore(t *testing.T) {
	t.Parallel()
	up, acme := brandOrigin(t)
	o := newOutside(t, up.url, up.Stack.RootStream())
	o.logIn(up)
	in := newInside(t, o)
	export := func(name string) string {
		file := filepath.Join(o.dir, name)
		o.admin("export", "store", "acme-pumps", "--key", acme.Key.KeyID(), "--single", file, "--trusted-root", o.root)
		return file
	}
	in.pushStore(export("first.tar.gz"))
	in.proxy(append([]string{"push-snap"}, o.export("greeter")...)...)
	in.serve()
	c := &client{in.url, o.root, up}
	pumps, base := o.device(acme, "acme-pumps"), o.device(acme, "acme-base")
	nobody := []string{"--root", o.root, "--dir", t.TempDir()}
	c.wants(t, pumps, map[string]int{"pump": 1, "valve": 1, "greeter": 1})
	c.wants(t, base, map[string]int{"pump": 0, "valve": 1, "greeter": 1})
	c.wants(t, nobody, map[string]int{"pump": 0, "valve": 0, "greeter": 1})

	// Synchronise: a new revision comes, and a snap leaves the list of the parent.
	up.upload("pump", upstreamtest.Rev{Revision: 2}, "stable")
	up.Withdraw("valve")
	in.pushStore(export("second.tar.gz"))
	c.wants(t, pumps, map[string]int{"pump": 2, "valve": 0, "greeter": 1})
	c.wants(t, base, map[string]int{"pump": 0, "valve": 0})
	c.wants(t, nobody, map[string]int{"pump": 0, "valve": 0})
}

// TestExportPrivateSnap brings one private snap across the gap.
func TestExportPrivateSnap(t *testing.T) {
	t.Parallel()
	up, acme := brandOrigin(t)
	o := newOutside(t, up.url, up.Stack.RootStream())
	o.logIn(up)
	in := newInside(t, o)
	in.push(o.export("pump", "--store", "acme-pumps")...)
	keys := filepath.Join(o.dir, "keys.tar.gz")
	o.admin("export", "account-keys", acme.ID, acme.Key.KeyID(), "--single", keys, "--trusted-root", o.root)
	in.proxy("push-account-keys", keys)
	in.serve()
	c := &client{in.url, o.root, up}
	c.wants(t, o.device(acme, "acme-pumps"), map[string]int{"pump": 1})
	c.wants(t, o.device(acme, "acme-base"), map[string]int{"pump": 0})
	c.wants(t, []string{"--root", o.root, "--dir", t.TempDir()}, map[string]int{"pump": 0})
}

// TestExportStoreOfOthers brings a store across the gap whose snap needs snaps of a parent and of a friendly store that the login does not
// administer. The devices of the store get them, and no others do.
func TestExportStoreOfOthers(t *testing.T) {
	t.Parallel()
	up, acme := brandOrigin(t)
	up.SetBrandStore(upstreamtest.BrandStore{ID: "acme-base", Name: "Base", Brand: acme.ID})
	up.SetBrandStore(upstreamtest.BrandStore{ID: "friend", Name: "Friend", Brand: "friend"})
	up.SignStore("acme-pumps", acme.ID, assertiontest.Headers{"friendly-stores": []any{"friend"}})
	for _, s := range []upstreamtest.Snap{{Name: "near", Store: "friend"}, {Name: "panel", Store: "acme-pumps", Providers: []string{"near", "valve"}}} {
		s.Base, s.Summary = "none", "A snap of the tests"
		if err := up.AddSnap(s); err != nil {
			t.Fatal(err)
		}
		up.uploadSnap(s, upstreamtest.Rev{Revision: 1}, "stable")
	}
	o := newOutside(t, up.url, up.Stack.RootStream())
	o.logIn(up)
	in := newInside(t, o)
	file := filepath.Join(o.dir, "store.tar.gz")
	o.admin("export", "store", "acme-pumps", "--key", acme.Key.KeyID(), "--single", file, "--trusted-root", o.root)
	in.pushStore(file)
	in.serve()
	c := &client{in.url, o.root, up}
	c.wants(t, o.device(acme, "acme-pumps"), map[string]int{"panel": 1, "near": 1, "valve": 1})
	c.wants(t, o.device(acme, "acme-base"), map[string]int{"panel": 0, "near": 0, "valve": 0})
	c.wants(t, []string{"--root", o.root, "--dir", t.TempDir()}, map[string]int{"near": 0, "valve": 0})
}
