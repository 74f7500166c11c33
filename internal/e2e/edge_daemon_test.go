//go:build linux

package e2e_test

import (
	"testing"
	"time"

	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// TestDaemonAtTheEdge lets the real snapd daemon install and refresh by way of an online store, over a line that breaks downloads, follow an
// override there and back, and install from the cache when upstream is gone.
func TestDaemonAtTheEdge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	up := newOrigin(t)
	up.addSnapd()
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	in, l := newEdge(t, newOutside(t, up.url, up.Stack.RootStream()), up.url)
	in.serve()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	up.Inject(upstreamtest.Fault{Path: "/download-origin/", Times: 2, Do: upstreamtest.Cut(1000)})
	downloads(t, d)
	up.Heal()
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")

	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")
	if got := in.proxy("override", "greeter", "stable=1"); got == "" {
		t.Error("override prints nothing")
	}
	time.Sleep(5 * time.Second) // a running store hears of overrides within two seconds
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.1", "1")
	in.proxy("delete-override", "greeter", "stable")
	time.Sleep(5 * time.Second)
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")

	l.cut.Store(true)
	d.MustSnap("remove", "--purge", "greeter")
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.2", "2")
}
