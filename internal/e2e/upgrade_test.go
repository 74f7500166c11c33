//go:build linux

package e2e_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/pgtest"
	"offlinestore/internal/upstreamtest"
)

// previousRelease is the commit of the release before this one. Its serve must work with the tables of this one.
const previousRelease = "e93e55d77053ae5ae5502f5fdf30e60d8cbca9cc"

// TestRollingUpgrade lets this release upgrade the tables of a store, while the previous one serves it. The former server goes on, takes up imports of the new
// one, and can be started again.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the previous release; CI runs it")
	}
	old, ok := buildPrevious(t)
	if !ok {
		return
	}
	up := newOrigin(t)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	dsn := pgtest.New(t)
	host := func() (*inside, string) {
		in := newInside(t, o)
		address := freeAddress(t)
		_, port, _ := strings.Cut(address, ":")
		in.configure(fmt.Sprintf("proxy.airgap: \"true\"\nproxy.db.connection: %q\nproxy.ipaddress: 127.0.0.1\nproxy.port.http: %q\nproxy.admin.listen: %s\nproxy.oci-registry.builtin: \"false\"\n", dsn, port, freeAddress(t)))
		in.url = "http://" + address
		return in, address
	}
	before, address := host()
	run(t, nil, old, "--data-dir", before.data, "push-snap", o.export("greeter", "--no-deps", "--no-icons")[0])
	s := &site{t: t, processes: map[string]*process{"store-old": {t: t, address: address, args: []string{old, "--data-dir", before.data, "serve", "--log-level", "warn"}}}}
	s.processes["store-old"].start()
	s.awaitHealth("store-old")
	before.await("greeter", "stable", 1)

	after, _ := host()
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	after.push(o.export("greeter", "--no-deps", "--no-icons")[0])
	before.await("greeter", "stable", 2)
	s.processes["store-old"].kill()
	s.processes["store-old"].start()
	s.awaitHealth("store-old")
	before.await("greeter", "stable", 2)
	if out := after.proxy("status"); !strings.Contains(out, "running since") {
		t.Errorf("status does not show the server of the previous release:\n%s", out)
	}
}

// buildPrevious builds snap-store-proxy of the previous release. In a checkout without its commit, it cannot.
func buildPrevious(t *testing.T) (path string, ok bool) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "git", "cat-file", "-e", previousRelease+"^{commit}").CombinedOutput(); err != nil {
		t.Logf("this checkout lacks the commit of the previous release: %s", out)
		return "", false
	}
	dir := newDir(t)
	run(t, nil, "sh", "-c", `git -C "$(git rev-parse --show-toplevel)" archive "$1" | tar -x -C "$2"`, "sh", previousRelease, dir)
	path = filepath.Join(dir, "bin", "snap-store-proxy")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-o", path, "./cmd/snap-store-proxy")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the previous release: %v: %s", err, out)
	}
	return path, true
}
