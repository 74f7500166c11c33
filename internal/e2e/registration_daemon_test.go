//go:build linux

package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/hsmtest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/registrartest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
	"offlinestore/registrar"
	"offlinestore/server"
)

// factory is a store that has the key of the brand acme on a token, and signs serials for its models.
type factory struct {
	*inside
	up   *origin
	o    *outside
	acme *assertiontest.Account
	db   *catalog.DB
	dsn  string
	stop func() // the server
}

// softHSM makes the folder of tokens of this process.
var softHSM = sync.OnceValues(hsmtest.New)

func newFactory(t *testing.T) *factory {
	t.Helper()
	up, acme := brandOrigin(t)
	up.addSnapd()
	f := &factory{up: up, acme: acme, o: newOutside(t, up.url, up.Stack.RootStream())}
	f.addGadget(t)
	f.o.logIn(up)
	f.inside = newInside(t, f.o)
	f.dsn = pgtest.New(t)
	f.proxy("config", "proxy.db.connection="+f.dsn)
	file := filepath.Join(f.o.dir, "store.tar.gz")
	f.o.admin("export", "store", "acme-pumps", "--key", acme.Key.KeyID(), "--single", file, "--trusted-root", f.o.root)
	f.pushStore(file)
	f.push(f.o.export("greeter", "acme-gadget")...)
	f.addToken(t)
	var err error
	if f.db, err = catalog.OpenExisting(t.Context(), f.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.db.Close)
	key := catalog.SigningKey{ID: acme.Key.KeyID(), BrandID: acme.ID, Name: "serials", Fingerprint: "00"}
	if err := f.db.AddSigningKey(t.Context(), "jo", key); err != nil {
		t.Fatal(err)
	}
	for model, apiKey := range map[string]string{"pump": "", "tap": "the-api-key-of-taps"} {
		if err := f.db.AddDeviceModel(t.Context(), "jo", catalog.DeviceModel{BrandID: acme.ID, Name: model, Series: "16", APIKey: apiKey}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.AddSerialPolicy(t.Context(), "jo", acme.ID, model, key.ID); err != nil {
			t.Fatal(err)
		}
	}
	addresses, stop := f.serveOn(1)
	f.url, f.stop = "http://"+addresses[0], stop
	return f
}

// addGadget publishes the gadget of taps.
func (f *factory) addGadget(t *testing.T) {
	t.Helper()
	s := upstreamtest.Snap{Name: "acme-gadget", Type: "gadget", Base: "none",
		Publisher: upstreamtest.Publisher{ID: f.acme.ID, Username: f.acme.ID, DisplayName: f.acme.ID, Validation: "unproven"}}
	rev := upstreamtest.Rev{Revision: 1, Version: "1"}
	rev.YAML = upstreamtest.YAML(s, rev)
	rev.Blob = upstreamtest.File(snapdaemon.MakeSnap(t, f.up.dir, rev.YAML, map[string]string{"grub.conf": "", "meta/gadget.yaml": gadgetYAML}))
	for _, err := range []error{f.up.AddSnap(s), f.up.AddRevision(s.Name, rev), f.up.Release(s.Name, "", "stable", 1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// token returns the label of the token.
func (f *factory) token() string { return "acme-" + filepath.Base(f.o.dir) }

// addToken makes a token with the key of the brand.
func (f *factory) addToken(t *testing.T) {
	t.Helper()
	h, err := softHSM()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	private, err := assertiontest.PrivateKey("brand")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	label, file := f.token(), filepath.Join(f.o.dir, "brand.pem")
	f.o.write(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	h.AddToken(t, label)
	hsmtest.Run(t, "softhsm2-util", "--import", file, "--token", label, "--label", "serials", "--id", "01", "--pin", hsmtest.PIN)
	h.Give(t, f.data)
	f.proxy("config", "proxy.hsm.token-label="+label, "proxy.hsm.token-pin="+hsmtest.PIN, "proxy.hsm.module="+h.Module)
}

// daemon starts the daemon of a device of a model.
func (f *factory) daemon(t *testing.T, model *assertion.Assertion, config map[string]any) (*snapdaemon.Daemon, *sessionRecorder) {
	t.Helper()
	store := &sessionRecorder{next: snapdaemon.Forward(t, f.url)}
	var seed bytes.Buffer
	if err := assertion.EncodeAll(&seed, slices.Concat(f.up.Stack.Base(), f.acme.Assertions(), []*assertion.Assertion{model})); err != nil {
		t.Fatal(err)
	}
	return snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.BuildWithRoot(t), TrustedRoot: f.up.Stack.RootStream(), Model: seed.Bytes(), Config: config,
		StoreURL: "http://127.0.0.1:8080", Sites: []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: store}},
	}), store
}

// connect makes the store the proxy.store of a device.
func (f *factory) connect(t *testing.T, d *snapdaemon.Daemon) {
	t.Helper()
	stream := filepath.Join(d.Root(), "store.assert")
	f.o.write(stream, storeStream(t, f.up.Stack, "AcmeInside", "http://127.0.0.1:8080"))
	d.MustSnap("ack", stream)
	d.MustSnap("set", "system", "proxy.store=AcmeInside")
}

// awaitSerial waits for the serial of a device, and verifies it with snapd's asserts package.
func (f *factory) awaitSerial(t *testing.T, d *snapdaemon.Daemon, model string) string {
	t.Helper()
	text := ""
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(text, "model: "+model+"\n"); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the device has no serial: %s\n%s", d.MustSnap("changes"), d.Log())
		}
		text = d.MustSnap("known", "serial")
	}
	serial, err := assertion.Decode([]byte(strings.TrimSpace(text) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.o.dir, "chain-of-"+model)
	var chain bytes.Buffer
	if err := assertion.EncodeAll(&chain, slices.Concat(f.up.Stack.Base(), f.acme.Assertions(), []*assertion.Assertion{serial})); err != nil {
		t.Fatal(err)
	}
	f.o.write(file, chain.Bytes())
	if got := snapddriver.Run(t, "verify", "--root", f.o.root, file); got.Code != 0 {
		t.Errorf("snapd's asserts package refuses the serial: %s", got.Stderr)
	}
	name := serial.HeaderString("serial")
	log, err := f.db.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: f.acme.ID, Model: model, Serial: name, Limit: 2})
	if err != nil || len(log) != 1 || strings.TrimSpace(log[0].Assertion) != strings.TrimSpace(string(serial.Raw())) {
		t.Errorf("the log has %d entries for the serial %s, %v", len(log), name, err)
	}
	return name
}

// TestDaemonRegisters lets the real daemon register itself with a store whose key is on a token, open a session and install a private snap: as
// a device with proxy.store and no gadget, as one whose gadget names this store, and as one with both.
func TestDaemonRegisters(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	f := newFactory(t)
	pump := f.acme.Model("pump", assertiontest.Headers{"store": "acme-pumps"})
	tap := f.acme.Model("tap", assertiontest.Headers{"store": "acme-pumps", "gadget": "acme-gadget"})
	config := map[string]any{"acme-gadget": map[string]any{
		"device-service": map[string]any{"url": "http://127.0.0.1:8080/device-service", "headers": map[string]any{"api-key": "the-api-key-of-taps"}},
		"registration":   map[string]any{"proposed-serial": "T-1"},
	}}
	for name, tt := range map[string]struct {
		model  *assertion.Assertion
		config map[string]any
		proxy  bool
		path   string
	}{
		"proxy.store":    {pump, nil, true, "/api/v1/snaps/auth/devices"},
		"device service": {tap, config, false, "/device-service/serial"},
		"both":           {tap, config, true, "/api/v1/snaps/auth/devices"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, store := f.daemon(t, tt.model, tt.config)
			if tt.proxy {
				f.connect(t, d)
			}
			if tt.config != nil {
				d.MustSnap("install", "acme-gadget")
			}
			d.MustSnap("install", "greeter") // devices without a snap do not register
			serial := f.awaitSerial(t, d, tt.model.HeaderString("model"))
			store.mu.Lock()
			asked := slices.Contains(store.paths, tt.path)
			store.mu.Unlock()
			if !asked {
				t.Errorf("the device %s has not asked at %s", serial, tt.path)
			}
			d.MustSnap("install", "pump")
			wantInstalled(t, d, "pump", "1.1", "1")
		})
	}
}

// TestDaemonPolls lets the real daemon register itself with a store whose token takes longer than the daemon waits. It is told to come back, and does.
func TestDaemonPolls(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd, runs its daemon and waits a minute")
	}
	f := newFactory(t)
	f.stop()
	private, err := assertiontest.PrivateKey("brand")
	if err != nil {
		t.Fatal(err)
	}
	token := registrartest.NewToken(private)
	token.Slow(12 * time.Second)
	r, err := catalog.OpenReader(t.Context(), f.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	blobs, err := blob.Open(filepath.Join(f.data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	c, err := r.LoadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Config{Blobs: blobs.Storage(), Trust: f.up.Stack.Trust(), Registrar: registrar.New(registrar.Config{Token: token, Records: r})})
	if err := s.SetSnapshot(c); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	f.url = srv.URL
	d, store := f.daemon(t, f.acme.Model("pump", assertiontest.Headers{"store": "acme-pumps"}), nil)
	f.connect(t, d)
	d.MustSnap("install", "greeter")
	f.awaitSerial(t, d, "pump")
	asked := 0
	store.mu.Lock()
	for _, path := range store.paths {
		if path == "/api/v1/snaps/auth/devices" {
			asked++
		}
	}
	store.mu.Unlock()
	if n := token.Signatures(); asked != 2 || n != 1 {
		t.Errorf("the daemon has asked %d times, and the token has signed %d times, want 2 and 1", asked, n)
	}
}
