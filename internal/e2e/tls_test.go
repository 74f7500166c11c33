//go:build linux

package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/genuine"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// procedure connects a device to a store by hand, as an operator does.
const procedure = `set -e
cd "$SNAPPY_GLOBAL_ROOT"
snap set system store-certs.mystore="$(cat ca.crt)"
curl -sSf --cacert ca.crt -D headers https://$NAME/v2/auth/store/assertions | snap ack /dev/stdin
snap set system proxy.store="$(sed -n 's/^X-Assertion-Store-Id: *\([A-Za-z0-9]*\).*/\1/p' headers)"
snap get system proxy.store`

// joinStore runs the procedure on a device. It returns the id of the store that the device joined.
func joinStore(t *testing.T, d *snapdaemon.Daemon, ca, host string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.Root(), "ca.crt"), []byte(ca), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := d.Run("sh", "-c", strings.ReplaceAll(procedure, "$NAME", host))
	if err != nil {
		t.Fatalf("the operator's procedure: %v\n%s%s", err, stdout, stderr)
	}
	return strings.TrimSpace(stdout)
}

// TestStockSnapdOverOurTLS connects Debian's own snapd to a store of ours, with a genuine store assertion and a
// certificate made by import-certificate, and sends every query.
func TestStockSnapdOverOurTLS(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a snapd of its own; CI runs it")
	}
	in := &inside{t: t, data: filepath.Join(newDir(t), "data")}
	dsn, blobs := pgtest.New(t), filepath.Join(in.data, "blobs")
	in.proxy("config", "proxy.airgap=true", "proxy.db.connection="+dsn)
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := genuine.Fill(t.Context(), dsn, blobs, realdata(t)); err != nil {
		t.Fatal(err)
	}
	in.proxy("config", "--import-store-assertion", filepath.Join(realdata(t), "chains/snapd-enterprise-store.assert"))
	ca := in.proxy("import-certificate", "--selfsigned")
	addresses, _ := in.serveOn(2, "--https-listen", "127.0.0.1:0")
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.Stock(t),
		Hosts:    []string{genuineHost},
		Sites:    []snapdaemon.Site{{Addr: "127.0.0.1:80", Pipe: addresses[0]}, {Addr: "127.0.0.1:443", Pipe: addresses[1]}},
	})
	if got := joinStore(t, d, ca, genuineHost); got != genuineStore {
		t.Fatalf("joined the store %q, want %q", got, genuineStore)
	}
	if got := d.MustSnap("info", "hello-world"); !strings.Contains(got, "buPKUD3TKqCOgLEjjHx5kSiCpIs5cMuQ") {
		t.Errorf("snap info: %s", got)
	}
	stockFinds(t, d)
	stockKnows(t, d)
	stockValidates(t, d)
	if stdout, stderr, err := d.Snap("refresh"); err != nil || !strings.Contains(stdout+stderr, "All snaps up to date") {
		t.Errorf("snap refresh: %v, %s%s", err, stdout, stderr)
	}
	if got := d.MustSnap("debug", "connectivity"); !strings.Contains(got, "Connectivity status:\n * PASS") {
		t.Errorf("snap debug connectivity: %s", got)
	}
	_, stderr, err := d.Snap("install", "--edge", "core")
	if want := "sha3-384 mismatch"; err == nil || !strings.Contains(stderr, want) {
		t.Errorf("install of a blob that isn't what was signed: %v, %s, want %q", err, stderr, want)
	}
	// Plain requests are redirected, except for health checks.
	for path, want := range map[string]string{"/v2/snaps/find?q=x": "301 https://" + genuineHost + "/v2/snaps/find?q=x", "/_status/check": "200 "} {
		if got, _, _ := d.Run("curl", "-s", "-o", "out", "-w", "%{http_code} %{redirect_url}", "http://"+genuineHost+path); got != want {
			t.Errorf("plain %s = %q, want %q", path, got, want)
		}
	}
}

// jujuStore matches the store's id in the text that Juju reads from a URL.
var jujuStore = regexp.MustCompile(`(?is)type: store.*?store: ([a-zA-Z0-9]+).*?url: (https?://\S+)`)

// TestInstallThroughProxyStore runs the whole procedure. A device is configured with the output of client-config, and
// installs and refreshes through proxy.store over TLS, before and after a certificate that it trusts replaces the first
// one.
func TestInstallThroughProxyStore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a real daemon takes 15 s; CI runs it")
	}
	const host, id = "snaps.example.internal", "OurStoreForTheTests0123456789abc"
	up := newOrigin(t)
	up.addSnapd()
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.push(o.export("greeter")...)
	stream := filepath.Join(o.dir, "proxy.assert")
	o.write(stream, storeStream(t, up.Stack, id, "https://"+host))
	in.proxy("config", "--import-store-assertion", stream)
	in.proxy("import-certificate", "--selfsigned")
	addresses, _ := in.serveOn(2, "--https-listen", "127.0.0.1:0")
	in.url = "http://" + addresses[0]

	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		Hosts:       []string{host},
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:80", Pipe: addresses[0]}, {Addr: "127.0.0.1:443", Pipe: addresses[1]}},
	})
	script := in.proxy("client-config")
	for range 2 { // a second run must succeed, too
		if stdout, stderr, err := d.Run("sh", "-c", script); err != nil {
			t.Fatalf("run what client-config prints: %v\n%s%s", err, stdout, stderr)
		}
	}
	if got := strings.TrimSpace(d.MustSnap("get", "system", "proxy.store")); got != id {
		t.Fatalf("proxy.store = %q, want %q", got, id)
	}
	text, _, _ := d.Run("curl", "-s", "--insecure", "https://"+host+"/v2/auth/store/assertions")
	if m := jujuStore.FindStringSubmatch(text); m == nil || m[1] != id || m[2] != "https://"+host {
		t.Errorf("Juju finds %q in the assertions", m)
	}
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")

	// The server loads another certificate while it runs. Devices learn of its authority in the same way.
	if err := os.WriteFile(filepath.Join(d.Root(), "ca.crt"), []byte(in.proxy("import-certificate", "--selfsigned", "--force")), 0o644); err != nil {
		t.Fatal(err)
	}
	if stdout, stderr, err := d.Run("sh", "-c", in.proxy("client-config")); err != nil {
		t.Fatalf("run what client-config prints: %v\n%s%s", err, stdout, stderr)
	}
	awaitOutput(t, d, `"status":"ok"`, "curl", "-s", "--cacert", filepath.Join(d.Root(), "ca.crt"), "https://"+host+"/_status/check")
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	in.push(o.export("greeter")...)
	awaitOutput(t, d, `"revision":2`, "curl", "-s", "--insecure", "-H", "Snap-Device-Series: 16", "https://"+host+"/v2/snaps/info/greeter?fields=revision&architecture=amd64")
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")
}

// awaitOutput repeats a command inside the namespaces until its output contains the wanted text.
func awaitOutput(t *testing.T, d *snapdaemon.Daemon, want string, args ...string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got, _, _ = d.Run(args...); strings.Contains(got, want) {
			return
		}
	}
	t.Fatalf("%q says %q, want %q", args, got, want)
}

// storeStream returns the assertion stream that a store under a test root would get for a URL.
func storeStream(t *testing.T, s *assertiontest.Stack, id, url string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, append(s.Base(), s.Account("operator", "Operator", nil), s.Store(id, "operator", url, nil))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
