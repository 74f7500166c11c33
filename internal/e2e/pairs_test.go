//go:build linux

package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// TestDaemonPairs carries the files of a real "snap download" across the gap, and lets the real snapd install and refresh from them.
func TestDaemonPairs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd and runs its daemon")
	}
	up := newOrigin(t)
	up.addSnapd()
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	in := newInside(t, newOutside(t, up.url, up.Stack.RootStream()))
	var store atomic.Pointer[http.Handler] // the store of the connected side first, then the one inside
	use := func(h http.Handler) { store.Store(&h) }
	use(up.Handler())
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries: snapdaemon.BuildWithRoot(t), TrustedRoot: up.Stack.RootStream(), StoreURL: "http://127.0.0.1:8080",
		Sites: []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*store.Load()).ServeHTTP(w, r) })}},
	})
	fetch := func(names ...string) string {
		t.Helper()
		dir := t.TempDir()
		for _, name := range names {
			d.MustSnap("download", "--target-directory", dir, name)
		}
		return dir
	}
	first := fetch("greeter", "snapd")
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	second := fetch("greeter")

	pushed := in.push(first)
	for _, want := range []string{"[snap greeter] Uploaded snap blob and assertions for greeter revision 1", "[snap snapd] Uploaded snap blob and assertions for snapd revision 30000"} {
		if !strings.Contains(pushed, want) {
			t.Errorf("push-snap does not say %q:\n%s", want, pushed)
		}
	}
	in.serve()
	use(snapdaemon.Forward(t, in.url))
	d.MustSnap("install", "greeter")
	wantInstalled(t, d, "greeter", "1.1", "1")
	in.push("--channel", "latest/stable", filepath.Join(second, "greeter_2.snap"), filepath.Join(second, "greeter_2.assert"))
	in.await("greeter", "stable", 2)
	d.MustSnap("refresh")
	wantInstalled(t, d, "greeter", "1.2", "2")
	if out := in.proxy("history"); strings.Count(out, "vouched for by the store alone") != 2 {
		t.Errorf("history does not tell who vouches:\n%s", out)
	}
}
