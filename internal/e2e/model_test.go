//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// TestExportModel builds an image with the real snap command from one bundle, which was exported from the model alone.
func TestExportModel(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd")
	}
	up := newOrigin(t)
	acme := newBrand(t, up)
	for _, name := range []string{"greeter", "rival"} {
		up.addSnap(name)
	}
	for n := range 2 {
		up.upload("greeter", upstreamtest.Rev{Revision: n + 1}, "stable")
	}
	acme.addPoint(1, 1)
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	model, file := acme.model20(t, "1"), filepath.Join(t.TempDir(), "model.tar.gz")
	o.admin("export", "model", model, "--single", file, "--trusted-root", o.root)
	in.push(file)
	in.serve()
	snapd := snapdaemon.BuildWithRoot(t)
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapd,
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	args, greeter := []string{"prepare-image"}, "greeter_2.snap"
	if snapd.Newer() { // older ones do not know validation sets in models
		enforce := filepath.Join(t.TempDir(), "customize.json")
		o.write(enforce, []byte(`{"validation":"enforce"}`))
		args, greeter = append(args, "--customize="+enforce), "greeter_1.snap"
	}
	dir := t.TempDir()
	t.Logf("snap prepare-image:\n%s", d.MustSnap(append(args, model, dir)...))
	wantSeed(t, filepath.Join(dir, "system-seed"), nil, greeter, "core20_1.snap", "pc-kernel20_1.snap", "pc20_1.snap", "snapd_30000.snap")
	want, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.MustSnap("known", "--remote", "model", "series=16", "brand-id="+acme.ID, "model=box"); strings.TrimSpace(got) != strings.TrimSpace(string(want)) {
		t.Errorf("snap known --remote model = %q, want %q", got, want)
	}
}
