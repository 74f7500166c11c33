//go:build linux

package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// addPoint publishes a point of the validation set acme/base, which pins greeter.
func (b *brand) addPoint(sequence, revision int) {
	b.up.AddAssertions(b.ValidationSet("base", sequence, []any{
		assertiontest.Headers{"name": "greeter", "id": upstreamtest.ID("greeter"), "revision": fmt.Sprint(revision)},
		assertiontest.Headers{"name": "rival", "id": upstreamtest.ID("rival"), "presence": "invalid"},
	}, nil))
}

// exportSet exports a validation set into a file.
func (o *outside) exportSet(t *testing.T, set string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "set.tar.gz")
	o.admin("export", "validation-sets", set, "--single", file, "--trusted-root", o.root)
	return file
}

// TestValidationSets lets the real daemon monitor and enforce a set that crossed the gap with the snaps that it pins.
func TestValidationSets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	up := newOrigin(t)
	acme := newBrand(t, up)
	for _, name := range []string{"greeter", "rival", "gated"} {
		up.addSnap(name)
	}
	if err := up.AddSnap(upstreamtest.Snap{Name: "gate", Base: "none", Controls: []string{"gated"},
		Publisher: upstreamtest.Publisher{ID: acme.ID, Username: acme.ID, DisplayName: acme.ID, Validation: "unproven"}}); err != nil {
		t.Fatal(err)
	}
	up.upload("gate", upstreamtest.Rev{Revision: 1}, "stable")
	up.upload("gated", upstreamtest.Rev{Revision: 1}, "stable")
	up.Approve("gate", "gated", 1, nil)
	for n := range 3 {
		up.upload("greeter", upstreamtest.Rev{Revision: n + 1}, "stable")
	}
	acme.addPoint(1, 1)
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.push(o.export("greeter", "gate", "gated")...) // revision 3 of greeter
	pushed := in.proxy("push-validation-sets", o.exportSet(t, "acme/base"))
	for _, want := range []string{"[validation-set acme/base=1] Uploaded assertion", "[snap greeter] Uploaded snap blob and assertions for greeter revision 1"} {
		if !strings.Contains(pushed, want) {
			t.Errorf("push-validation-sets does not say %q:\n%s", want, pushed)
		}
	}
	in.proxy("check") // exits with 6 if a pinned revision is missing
	in.serve()
	snapd := snapdaemon.BuildWithRoot(t)
	newer := snapd.Newer()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapd,
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.3", "3")

	d.MustSnap("validate", "--monitor", "acme/base")
	wantValidation(t, d, "acme/base", "monitor", "invalid")
	if _, stderr, err := d.Snap("validate", "--enforce", "acme/base"); err == nil || !strings.Contains(stderr, "greeter") {
		t.Errorf("a set that pins another revision is enforced: %v, %s", err, stderr)
	}
	// The pinned revision is in no channel of the store inside. Debian's snapd doesn't fetch it by itself.
	if newer {
		d.MustSnap("validate", "--enforce", "--refresh", "acme/base")
	} else {
		d.MustSnap("refresh", "--revision=1", "greeter")
		d.MustSnap("validate", "--enforce", "acme/base")
	}
	wantValidation(t, d, "acme/base", "enforce", "valid")
	wantInstalled(t, d, "greeter", "1.1", "1")
	if _, stderr, err := d.Snap("refresh", "greeter"); err == nil && !strings.Contains(stderr, "no updates") {
		t.Errorf("refresh of a pinned snap: %s", stderr)
	}
	wantInstalled(t, d, "greeter", "1.1", "1")

	acme.addPoint(2, 2)
	in.proxy("push-validation-sets", o.exportSet(t, "acme/base"))
	in.awaitAssertion("validation-set/16/acme/base/2")
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")
	if got := d.MustSnap("known", "validation-set", "name=base", "sequence=2"); !strings.Contains(got, "\nsequence: 2\n") {
		t.Errorf("the daemon doesn't have the new point: %s", got)
	}
	refreshControl(t, up, o, in, d)
}

// refreshControl installs a snap that controls the refreshes of another. The daemon refreshes that one once the approval has crossed the gap.
func refreshControl(t *testing.T, up *origin, o *outside, in *inside, d *snapdaemon.Daemon) {
	t.Helper()
	d.MustSnap("install", "gate", "gated")
	up.upload("gated", upstreamtest.Rev{Revision: 2}, "stable")
	in.push(o.export("gated")...)
	in.await("gated", "stable", 2)
	check, _, err := tryRun(t, nil, program(t, "snap-store-proxy"), "--data-dir", in.data, "check")
	if want := "approval of gated revision 2 is needed by gate: once its publisher"; err == nil || !strings.Contains(check, want) {
		t.Errorf("check says %q, %v, want %q", check, err, want)
	}
	if stdout, stderr, err := d.Snap("refresh", "gated"); err != nil || !strings.Contains(stdout+stderr, "no updates") {
		t.Errorf("a revision without an approval is offered: %v, %s%s", err, stdout, stderr)
	}
	wantInstalled(t, d, "gated", "1.1", "1")
	up.Approve("gate", "gated", 2, nil)
	in.push(o.export("gate")...)
	in.awaitAssertion("validation/16/" + upstreamtest.ID("gate") + "/" + upstreamtest.ID("gated") + "/2")
	d.MustSnap("refresh", "gated")
	wantInstalled(t, d, "gated", "1.2", "2")
	in.proxy("check")
}

// wantValidation checks the line of a validation set in the daemon's list.
func wantValidation(t *testing.T, d *snapdaemon.Daemon, set, mode, state string) {
	t.Helper()
	got := d.MustSnap("validate")
	for line := range strings.Lines(got) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == set && f[1] == mode && f[3] == state {
			return
		}
	}
	t.Errorf("snap validate lists %s, want %s: %s, %s", got, set, mode, state)
}
