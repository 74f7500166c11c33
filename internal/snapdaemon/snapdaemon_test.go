//go:build linux

package snapdaemon_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/internal/snapdaemon"
)

// untrusted is snapd's message about a chain that doesn't end in a trusted root.
const untrusted = "circular assertions are not expected"

const helloID = "hello0000000000000000000000test1"

func helloSnap(t *testing.T, dir, version string) string {
	t.Helper()
	return snapdaemon.MakeSnap(t, dir, "name: hello\nversion: '"+version+"'\nbase: none\nsummary: test\ndescription: test\narchitectures: [all]\n",
		map[string]string{"share/version": version})
}

// listed returns the version and revision of an installed snap.
func listed(t *testing.T, d *snapdaemon.Daemon, name string) string {
	t.Helper()
	for line := range strings.Lines(d.MustSnap("list")) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == name {
			return f[1] + " " + f[2]
		}
	}
	return "not installed"
}

func TestSnapsOfOwnRoot(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a real daemon takes 15 s; CI runs it")
	}
	dir := t.TempDir()
	store := newFakeStore(t)
	store.publish(publishedSnap{name: "snapd", id: snapdaemon.SnapdSnapID, kind: "snapd", revision: 100, file: snapdaemon.SnapdSnap(t, dir)})
	store.publish(publishedSnap{name: "hello", id: helloID, kind: "app", revision: 1, file: helloSnap(t, dir, "1.0")})
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: store.rootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, server.URL)}},
	})

	d.MustSnap("download", "--target-directory", dir, "hello")
	if _, err := os.Stat(filepath.Join(dir, "hello_1.snap")); err != nil {
		t.Errorf("snap download: %v", err)
	}
	d.MustSnap("install", "hello")
	if got, want := listed(t, d, "hello"), "1.0 1"; got != want {
		t.Errorf("after install: hello is %s, want %s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(d.Root(), "snap/hello/current/share/version"))
	if err != nil || string(text) != "1.0" {
		t.Errorf("installed file holds %q, %v, want %q", text, err, "1.0")
	}
	store.publish(publishedSnap{name: "hello", id: helloID, kind: "app", revision: 2, file: helloSnap(t, dir, "2.0")})
	d.MustSnap("refresh", "hello")
	if got, want := listed(t, d, "hello"), "2.0 2"; got != want {
		t.Errorf("after refresh: hello is %s, want %s", got, want)
	}
	d.MustSnap("revert", "hello")
	if got, want := listed(t, d, "hello"), "1.0 1"; got != want {
		t.Errorf("after revert: hello is %s, want %s", got, want)
	}
	if got := listed(t, d, "snapd"); !strings.HasSuffix(got, " 100") {
		t.Errorf("after install: snapd is %s, want revision 100", got)
	}
	if _, stderr, err := d.Snap("install", "nothing"); err == nil || !strings.Contains(stderr, "not found") {
		t.Errorf("install of an unknown snap: %v, %s, want an error that says not found", err, stderr)
	}
	// Forward must keep the Host, because the store makes the download URLs from it.
	if !slices.ContainsFunc(store.requests(), func(r string) bool { return strings.HasPrefix(r, "GET 127.0.0.1:8080/blob/") }) {
		t.Errorf("no download from the address of the site in %q", store.requests())
	}
}

func TestForeignRootIsRefused(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a real daemon takes 15 s; CI runs it")
	}
	dir := t.TempDir()
	store := newFakeStore(t)
	store.publish(publishedSnap{name: "hello", id: helloID, kind: "app", revision: 1, file: helloSnap(t, dir, "1.0")})
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: newFakeStore(t).rootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: store}},
	})
	_, stderr, err := d.Snap("download", "--target-directory", dir, "hello")
	if err == nil || !strings.Contains(stderr, untrusted) {
		t.Errorf("download of a snap by an untrusted root: %v, %s, want an error with %q", err, stderr, untrusted)
	}
}

func TestStockOnGenuineStoreAssertion(t *testing.T) {
	t.Parallel()
	const (
		host    = "snapd-enterprise-store.canonical.com"
		storeID = "tNHLyNjAZfQIxZGNtWQ7rXTlCWLvmwa6"
	)
	chain := filepath.Join(realdata(t), "chains/snapd-enterprise-store.assert")
	ca := snapdaemon.NewCA(t)
	store := newFakeStore(t)
	store.publish(publishedSnap{name: "snapd", id: snapdaemon.SnapdSnapID, kind: "snapd", revision: 100, file: snapdaemon.SnapdSnap(t, t.TempDir())})
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.Stock(t),
		Hosts:    []string{host},
		Sites:    []snapdaemon.Site{{Addr: "127.0.0.1:443", Handler: store, Certificate: ca.Issue(t, host)}},
	})

	if _, stderr, err := d.Snap("set", "system", "proxy.store="+storeID); err == nil || !strings.Contains(stderr, "assertion") {
		t.Errorf("proxy.store before snap ack: %v, %s, want an error about an assertion", err, stderr)
	}
	if _, stderr, err := d.Run("sh", "-c", `cat "$1" | snap ack /dev/stdin`, "sh", chain); err != nil {
		t.Fatalf("snap ack: %v, %s", err, stderr)
	}
	d.MustSnap("set", "system", "proxy.store="+storeID)
	if _, _, err := d.Snap("find", "hello"); err == nil || len(store.requests()) > 0 {
		t.Errorf("snap find without the store's CA: %v, requests %q, want an error and none", err, store.requests())
	}
	d.MustSnap("set", "system", "store-certs.mystore="+string(ca.PEM()))
	_, _, err := d.Snap("find", "hello") // this store answers 404
	if want := "GET " + host + "/v2/snaps/find"; err == nil || !slices.Contains(store.requests(), want) {
		t.Errorf("snap find: %v, requests %q, want an error and %q", err, store.requests(), want)
	}
	known := d.MustSnap("known", "store", "store="+storeID)
	genuine, err := os.ReadFile(chain)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(genuine), strings.TrimSpace(known)) || known == "" {
		t.Errorf("snap known store is not the genuine assertion:\n%s", known)
	}
	if _, stderr, err := d.Snap("install", "snapd"); err == nil || !strings.Contains(stderr, untrusted) {
		t.Errorf("install of a snap by an untrusted root: %v, %s, want an error with %q", err, stderr, untrusted)
	}
}

func TestMakeSnapIsDeterministic(t *testing.T) {
	t.Parallel()
	read := func() string {
		text, err := os.ReadFile(helloSnap(t, t.TempDir(), "1.0"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if a, b := read(), read(); a != b {
		t.Error("the same input made two different snaps")
	}
}
