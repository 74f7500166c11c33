//go:build linux

package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/internal/genuine"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/server"
)

// A genuine assertion exists for this store.
const (
	genuineHost  = "snapd-enterprise-store.canonical.com"
	genuineStore = "tNHLyNjAZfQIxZGNtWQ7rXTlCWLvmwa6"
)

// serveGenuine serves the data kept of the real store from PostgreSQL.
func serveGenuine(t *testing.T) http.Handler {
	t.Helper()
	dsn, dir := pgtest.New(t), t.TempDir()
	if err := genuine.Fill(t.Context(), dsn, dir, realdata(t)); err != nil {
		t.Fatal(err)
	}
	r, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := r.LoadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	s := server.New(server.Config{Blobs: blobs.Storage()})
	if err := s.SetSnapshot(c); err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

// TestStockSnapd takes Debian's own snapd, which trusts only Canonical's root, through the operator's procedure and every
// query.
func TestStockSnapd(t *testing.T) {
	t.Parallel()
	ca := snapdaemon.NewCA(t)
	h := serveGenuine(t)
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.Stock(t),
		Hosts:    []string{genuineHost},
		Sites: []snapdaemon.Site{
			{Addr: "127.0.0.1:443", Handler: h, Certificate: ca.Issue(t, genuineHost)},
			{Addr: "127.0.0.1:80", Handler: h},
		},
	})
	d.MustSnap("ack", filepath.Join(realdata(t), "chains/snapd-enterprise-store.assert"))
	d.MustSnap("set", "system", "store-certs.mystore="+string(ca.PEM()))
	d.MustSnap("set", "system", "proxy.store="+genuineStore)

	t.Run("info", func(t *testing.T) {
		got := d.MustSnap("info", "hello-world")
		for _, want := range []string{"name:      hello-world", "The 'hello-world' of snaps", "Canonical", "buPKUD3TKqCOgLEjjHx5kSiCpIs5cMuQ",
			"latest/stable:    6.4 2019-04-17 (29) 20kB -", "license:   MIT"} {
			if !strings.Contains(got, want) {
				t.Errorf("snap info lacks %q:\n%s", want, got)
			}
		}
		if _, stderr, err := d.Snap("info", "no-such-snap"); err == nil || !strings.Contains(stderr, "no snap found") {
			t.Errorf("snap info of an unknown snap: %v, %s", err, stderr)
		}
	})
	t.Run("find", func(t *testing.T) { stockFinds(t, d) })
	t.Run("known", func(t *testing.T) { stockKnows(t, d) })
	t.Run("connectivity", func(t *testing.T) {
		// snapd asks for core and for the headers of its blob, over TLS with the CA of store-certs.
		if got := d.MustSnap("debug", "connectivity"); !strings.Contains(got, "Connectivity status:\n * PASS") {
			t.Errorf("snap debug connectivity: %s", got)
		}
	})
	t.Run("validate", func(t *testing.T) { stockValidates(t, d) })
	t.Run("install", func(t *testing.T) {
		// Everything about core is genuine here except its bytes, which are zeros.
		_, stderr, err := d.Snap("install", "--edge", "core")
		if want := "sha3-384 mismatch"; err == nil || !strings.Contains(stderr, want) {
			t.Errorf("install of a blob that isn't what was signed: %v, %s, want %q", err, stderr, want)
		}
	})
}

func stockFinds(t *testing.T, d *snapdaemon.Daemon) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"hello-world"}, "hello-world"},
		{[]string{"webserver", "snappy"}, "go-example-webserver"}, // only the description contains both words
		{[]string{"the hello-world of snaps"}, "hello-world"},
	} {
		got := d.MustSnap(append([]string{"find"}, c.args...)...)
		lines := strings.Split(strings.TrimSpace(got), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[1], c.want+" ") || !strings.Contains(lines[1], "canonical") {
			t.Errorf("snap find %q:\n%s\nwant %s alone", c.args, got, c.want)
		}
	}
	if stdout, stderr, err := d.Snap("find", "nothing-like-it"); err != nil || !strings.Contains(stderr, "No matching snaps") {
		t.Errorf("snap find of nothing: %v, %s%s", err, stdout, stderr)
	}
}

// stockKnows asks for one genuine assertion of each kind, and compares each byte for byte.
func stockKnows(t *testing.T, d *snapdaemon.Daemon) {
	text, err := os.ReadFile(filepath.Join(realdata(t), "chains/validation-set_recovery-system-pinned.full.assert"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(filepath.Join(realdata(t), "chains/hello-world_29.assert"))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, list := range [][]byte{text, more} {
		all, err := assertion.DecodeAll(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			args := []string{"known", "--remote", a.Type()}
			typ, _ := assertion.TypeByName(a.Type())
			for i, v := range a.Ref().Path() {
				args = append(args, typ.PrimaryKey[i]+"="+v)
			}
			got := d.MustSnap(args...)
			if !bytes.Equal(bytes.TrimSpace([]byte(got)), bytes.TrimSpace(a.Raw())) {
				t.Errorf("snap %q:\n%s\nwant\n%s", args, got, a.Raw())
			}
			types = append(types, a.Type())
		}
	}
	if len(types) != 8 {
		t.Errorf("asked for %q, want eight assertions", types)
	}
}

// stockValidates tells the daemon to fetch a validation set with everything that it needs, verify it up to Canonical's
// root, and monitor it.
func stockValidates(t *testing.T, d *snapdaemon.Daemon) {
	const set = "test-snapd/recovery-system-pinned"
	if stdout, stderr, err := d.Snap("validate", "--monitor", set+"=7"); err == nil {
		t.Errorf("a set that isn't there is monitored: %s%s", stdout, stderr)
	}
	d.MustSnap("validate", "--monitor", set+"=1")
	got := d.MustSnap("validate")
	if !strings.Contains(got, set+"=1") || !strings.Contains(got, "monitor") {
		t.Errorf("snap validate: %s", got)
	}
	d.MustSnap("validate", "--monitor", set)
	if got := d.MustSnap("validate"); !strings.Contains(got, set+" ") || !strings.Contains(got, "monitor") {
		t.Errorf("snap validate of the latest: %s", got)
	}
	for _, sequence := range []string{"1", "2"} {
		got := d.MustSnap("known", "validation-set", "name=recovery-system-pinned", "sequence="+sequence)
		if !strings.Contains(got, "\nsequence: "+sequence+"\n") {
			t.Errorf("the daemon keeps no point %s of the sequence: %s", sequence, got)
		}
	}
}
