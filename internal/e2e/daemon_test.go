//go:build linux

package e2e_test

import (
	"crypto/sha3"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// addSnapd releases a real snap snapd, which the daemon installs first.
func (u *origin) addSnapd() {
	u.t.Helper()
	snapd := upstreamtest.Rev{Revision: 30000, Blob: upstreamtest.File(snapdaemon.SnapdSnap(u.t, u.dir))}
	if err := u.AddRevision("snapd", snapd); err != nil {
		u.t.Fatal(err)
	}
	if err := u.Release("snapd", "", "stable", snapd.Revision); err != nil {
		u.t.Fatal(err)
	}
}

// TestDaemonInstalls lets the real snapd daemon install, refresh and revert snaps that crossed the gap.
func TestDaemonInstalls(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	up := newOrigin(t)
	up.addSnapd()
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	pushed := in.push(o.export("greeter")...)
	for _, want := range []string{
		"[snap greeter] Uploaded snap blob and assertions for greeter revision 1", "[snap greeter] Channelmaps were successfully updated.",
		"[snap snapd] Uploaded snap blob and assertions for snapd revision 30000", // only the daemon asks for it
	} {
		if !strings.Contains(pushed, want) {
			t.Errorf("push-snap does not say %q:\n%s", want, pushed)
		}
	}
	in.serve()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})

	downloads(t, d)
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")
	if _, stderr, err := d.Snap("install", "jq"); err == nil || !strings.Contains(stderr, "not found") {
		t.Errorf("install of a snap that was not exported: %v, %s", err, stderr)
	}
	if out := d.MustSnap("refresh", "--list"); strings.Contains(out, "greeter") {
		t.Errorf("refresh --list before there is anything newer: %s", out)
	}

	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	in.push(o.export("greeter")...)
	in.await("greeter", "stable", 2)
	if out := d.MustSnap("refresh", "--list"); !strings.Contains(out, "greeter") {
		t.Errorf("refresh --list with a newer revision: %s", out)
	}
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")
	d.MustSnap("revert", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")
	// A device can still install an earlier revision of a channel by its number.
	d.MustSnap("remove", "--purge", "greeter") // without --purge it would keep the users' data, root's included
	d.MustSnap("install", "--revision=1", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")

	// A snap that is removed from the store stays installed, and does not stop a refresh.
	in.proxy("remove-snap", "greeter", "--yes")
	in.awaitNone("greeter")
	if _, stderr, err := d.Snap("refresh", "greeter"); err == nil || !strings.Contains(stderr, "not found") {
		t.Errorf("refresh of a removed snap: %v, %s", err, stderr)
	}
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.1", "1")
}

// downloads downloads with the snap command and compares the files.
func downloads(t *testing.T, d *snapdaemon.Daemon) {
	t.Helper()
	dir := t.TempDir()
	d.MustSnap("download", "--target-directory", dir, "greeter")
	blob, err := os.ReadFile(filepath.Join(dir, "greeter_1.snap"))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := os.ReadFile(filepath.Join(dir, "greeter_1.assert"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha3.Sum384(blob)
	if want := "snap-sha3-384: " + assertion.DigestHeader(sum[:]); !strings.Contains(string(chain), want) {
		t.Errorf("the downloaded assertions lack %q:\n%s", want, chain)
	}
}

// wantInstalled checks the version and revision that snapd reports, and the installed files.
func wantInstalled(t *testing.T, d *snapdaemon.Daemon, name, version, revision string) {
	t.Helper()
	got := ""
	for line := range strings.Lines(d.MustSnap("list")) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == name {
			got = f[1] + " " + f[2]
		}
	}
	if want := version + " " + revision; got != want {
		t.Errorf("%s is installed as %q, want %q", name, got, want)
	}
	text, err := os.ReadFile(filepath.Join(d.Root(), "snap", name, "current/share/version"))
	if err != nil || string(text) != version {
		t.Errorf("the file of %s holds %q, %v, want %q", name, text, err, version)
	}
}
