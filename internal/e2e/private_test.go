//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
	"offlinestore/server"
	"offlinestore/session"
)

// privateStore is a store inside, in which the snap greeter is private to the store acme-store of the brand acme. Both brands' keys are here.
type privateStore struct {
	up          *origin
	dir         string
	acme, other *assertiontest.Account
	server      *server.Server
	client      *client
	ahead       atomic.Int64 // of the server's clock
	keys        *session.Keys
}

func newPrivateStore(t *testing.T) *privateStore {
	t.Helper()
	up := newOrigin(t)
	up.addSnapd()
	for _, name := range []string{"greeter", "rival"} {
		up.addSnap(name)
		up.upload(name, upstreamtest.Rev{Revision: 1}, "stable")
	}
	o := newOutside(t, up.url, up.Stack.RootStream())
	in, dsn := newInside(t, o), pgtest.New(t)
	in.proxy("config", "proxy.db.connection="+dsn)
	in.push(o.export("greeter", "rival")...)
	p := &privateStore{up: up, dir: o.dir, acme: up.Brand(), other: up.Stack.NewAccount("other", "other"), keys: session.NewKeys("a secret")}
	keys := slices.Concat(up.Stack.Base(), p.acme.Assertions(), p.other.Assertions(), up.Stack.NewAccount("generic", "other").Assertions()[1:])
	o.write(p.path("keys.assert"), p.stream(t, keys...))
	in.proxy("push-account-keys", p.path("keys.assert"))
	p.serve(t, dsn, filepath.Join(in.data, "blobs"))
	p.client = &client{p.listen(t), o.root, up}
	key, err := assertiontest.PrivateKey("device")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	o.write(p.path("key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return p
}

func (p *privateStore) path(name string) string { return filepath.Join(p.dir, name) }

func (p *privateStore) stream(t *testing.T, list ...*assertion.Assertion) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// serve serves a catalogue in which greeter is private.
func (p *privateStore) serve(t *testing.T, dsn, folder string) {
	t.Helper()
	r, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	c, err := r.LoadSnapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	id := upstreamtest.ID("greeter")
	for i := range c.Snaps {
		if c.Snaps[i].SnapID == id {
			c.Snaps[i].Store = "acme-store"
		}
	}
	c.Stores = []catalog.Store{{ID: "acme-store", BrandID: p.acme.ID, SnapIDs: []string{id}}}
	blobs, err := blob.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	p.server = server.New(server.Config{Blobs: blobs.Storage(), Trust: p.up.Stack.Trust(), Now: func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }})
	p.server.SetSettings(server.Settings{DeviceSecret: "a secret"})
	if err := p.server.SetSnapshot(c); err != nil {
		t.Fatal(err)
	}
}

func (p *privateStore) listen(t *testing.T) string {
	s := httptest.NewServer(p.server.Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// TestPrivateSnapOfADevice lets snapd's own store code install a private snap as devices with and without the right to it.
func TestPrivateSnapOfADevice(t *testing.T) {
	t.Parallel()
	p := newPrivateStore(t)
	model := func(brand *assertiontest.Account, store string) *assertion.Assertion {
		return brand.Model("pump", assertiontest.Headers{"store": store})
	}
	device := session.Device{Brand: p.acme.ID, Model: "pump", Serial: "0001", Store: "acme-store"}
	made := func(keys *session.Keys, ago time.Duration) string {
		m, err := keys.New(device, time.Now().Add(-ago))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	write := func(name string, text []byte) string {
		if err := os.WriteFile(p.path(name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		return p.path(name)
	}
	for _, tt := range []struct {
		name    string
		brand   *assertiontest.Account // nil for a device without a serial
		store   string
		session string
		sees    bool
	}{
		{name: "right device", brand: p.acme, store: "acme-store", sees: true},
		{name: "expired session", brand: p.acme, store: "acme-store", session: made(p.keys, session.Life), sees: true},
		{name: "session of another store", brand: p.acme, store: "acme-store", session: made(session.NewKeys("another"), 0), sees: true},
		{name: "model of another store", brand: p.acme, store: "acme-lab"},
		{name: "model of another brand", brand: p.other, store: "acme-store"},
		{name: "no serial"},
	} {
		args := []string{"--root", p.client.root, "--dir", t.TempDir()}
		if tt.brand != nil {
			args = append(args, "--store-id", tt.store, "--session", "--device-key", p.path("key"), "--model", write("model", model(tt.brand, tt.store).Raw()),
				"--serial", write("serial", tt.brand.Serial("pump", "0001", assertiontest.DeviceKey(), nil).Raw()), "--session-file", write("session", []byte(tt.session)))
		}
		code := snapddriver.ExitOK
		if !tt.sees {
			code = snapddriver.ExitAnswer
		}
		got := p.client.do(t, code, "install", append(args, "greeter")...)
		if tt.sees && (len(got.Snaps) != 1 || got.Snaps[0].Path == "") || !tt.sees && !strings.Contains(got.Stderr, "snap not found") {
			t.Errorf("%s: %+v, %s", tt.name, got.Snaps, got.Stderr)
		}
		if got := p.client.do(t, snapddriver.ExitOK, "install", append(args, "rival")...); len(got.Snaps) != 1 {
			t.Errorf("%s: the global snap: %+v", tt.name, got.Snaps)
		}
	}
}

// TestPrivateSnapOfADaemon lets the real daemon, with a model and a serial of a brand, install a private snap, and get another session when its
// own has expired. A daemon of another brand does not find the snap.
func TestPrivateSnapOfADaemon(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	p := newPrivateStore(t)
	d, store := p.daemon(t, p.acme)
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")
	if got := d.MustSnap("find", "greeter"); !strings.Contains(got, "greeter") {
		t.Errorf("find lacks the private snap: %s", got)
	}
	if got := d.MustSnap("info", "greeter"); !strings.Contains(got, "latest/stable:") {
		t.Errorf("info lacks the channels of the private snap: %s", got)
	}
	device := session.Device{Brand: p.acme.ID, Model: "pump", Serial: "device-1", Store: "acme-store"}
	if root, _ := store.take(); !p.isOf(root, device) {
		t.Errorf("the daemon has another session than one of %+v", device)
	}
	// The clock of the store is ahead until it has answered 401.
	p.ahead.Store(int64(2 * session.Life))
	d.MustSnap("refresh")
	if root, asked := store.take(); p.ahead.Load() != 0 || asked != 1 || !p.isOf(root, device) {
		t.Errorf("after its end, the daemon asked for %d sessions, want another one", asked)
	}

	d, _ = p.daemon(t, p.other)
	if _, stderr, err := d.Snap("install", "greeter"); err == nil || !strings.Contains(stderr, `snap "greeter" not found`) {
		t.Errorf("a device of another brand installs the snap: %v, %s", err, stderr)
	}
	if _, stderr, _ := d.Snap("find", "greeter"); !strings.Contains(stderr, "No matching snaps") {
		t.Errorf("a device of another brand finds the snap: %s", stderr)
	}
	wantInstalled(t, d, "rival", "1.1", "1")
}

// isOf reports whether a session is a device's.
func (p *privateStore) isOf(root string, want session.Device) bool {
	d, err := p.keys.Open(root, time.Now())
	return err == nil && d == want
}

// daemon starts a daemon whose model names acme-store, and waits for its serial.
func (p *privateStore) daemon(t *testing.T, brand *assertiontest.Account) (*snapdaemon.Daemon, *sessionRecorder) {
	t.Helper()
	ca := snapdaemon.NewCA(t)
	store := &sessionRecorder{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w}
		p.server.Handler().ServeHTTP(rec, r)
		if rec.status == http.StatusUnauthorized {
			p.ahead.Store(0)
		}
	})}
	model := brand.Model("pump", assertiontest.Headers{"store": "acme-store", "timestamp": assertiontest.Timestamp})
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: p.up.Stack.RootStream(),
		Model:       p.stream(t, slices.Concat(p.up.Stack.Base(), brand.Assertions(), []*assertion.Assertion{model})...),
		StoreURL:    "http://127.0.0.1:8080",
		SystemCA:    ca.PEM(),
		Hosts:       []string{"api.snapcraft.io"},
		Sites: []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: store},
			{Addr: "127.0.0.1:443", Handler: serialVault{t, brand}.handler(), Certificate: ca.Issue(t, "api.snapcraft.io")}},
	})
	d.MustSnap("install", "rival") // devices without a snap do not register
	for deadline := time.Now().Add(time.Minute); !strings.Contains(d.MustSnap("known", "serial"), "serial: device-1"); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the device has no serial: %s", d.MustSnap("changes"))
		}
	}
	store.take()
	return d, store
}

// statusRecorder notes the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// TestPrepareImageOfStore builds an image of a model with a private gadget with the real snap command, which is no device, from our store alone.
func TestPrepareImageOfStore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd")
	}
	up := newOrigin(t)
	acme := newBrand(t, up)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in, dsn := newInside(t, o), pgtest.New(t)
	in.proxy("config", "proxy.db.connection="+dsn)
	in.push(o.export("greeter", "pc", "pc-kernel", "core18")...)
	keys := filepath.Join(o.dir, "keys.tar.gz")
	o.admin("export", "account-keys", acme.ID, acme.Key.KeyID(), "--single", keys, "--trusted-root", o.root)
	in.proxy("push-account-keys", keys)
	makePrivate(t, dsn, upstreamtest.ID("pc"), "acme-store", acme.ID)
	in.serve()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	model := acme.model(t, assertiontest.Headers{"store": "acme-store"})
	if _, stderr, err := d.Snap("prepare-image", model, t.TempDir()); err == nil || !strings.Contains(stderr, "snap not found") {
		t.Errorf("an image without a token: %v, %s", err, stderr)
	}
	line := in.proxy("image-token", "acme-store", "--valid", "1h")
	dir := t.TempDir()
	stdout, stderr, err := d.Run("sh", "-c", line+`snap prepare-image "$@"`, "sh", model, dir)
	if err != nil {
		t.Fatalf("snap prepare-image: %v\n%s%s", err, stdout, stderr)
	}
	wantSeed(t, filepath.Join(dir, "image/var/lib/snapd/seed"), []string{"box", acme.Key.KeyID()},
		"core18_1.snap", "greeter_1.snap", "pc-kernel_1.snap", "pc_1.snap", "snapd_30000.snap")
}

// makePrivate makes a snap of a catalogue private to a store of a brand, as a bundle of the store does.
func makePrivate(t *testing.T, dsn, snapID, store, brand string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, q := range []struct {
		text string
		args []any
	}{
		{`insert into store select $1, 'A store', $2, '', '', max(id) from import`, []any{store, brand}},
		{`insert into store_snap select $1, snap_id, name, '' from snap where snap_id = $2`, []any{store, snapID}},
		{`update snap_home set store_id = $1 where snap_id = $2`, []any{store, snapID}},
		{`update generation set number = number + 1`, nil},
	} {
		if tag, err := conn.Exec(t.Context(), q.text, q.args...); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("%s: %v, %v", q.text, tag, err)
		}
	}
}
