//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapdaemon"
	"offlinestore/internal/upstreamtest"
)

// imageSnaps are the snaps of images of Ubuntu Core 18 and 20, besides snapd. A device accepts a kernel and a gadget only of its brand.
var imageSnaps = []struct {
	upstreamtest.Snap
	files map[string]string
}{
	{upstreamtest.Snap{Name: "core18", Type: "base", Base: "none"}, nil},
	{upstreamtest.Snap{Name: "pc-kernel", Type: "kernel", Base: "none"}, map[string]string{"kernel.img": "kernel", "initrd.img": "initrd"}},
	{upstreamtest.Snap{Name: "pc", Type: "gadget", Base: "core18"}, map[string]string{"grub.conf": "", "meta/gadget.yaml": gadgetYAML}},
	{upstreamtest.Snap{Name: "core20", Type: "base", Base: "none"}, nil},
	{upstreamtest.Snap{Name: "pc-kernel20", Type: "kernel", Base: "none"}, map[string]string{"kernel.efi": "kernel"}},
	{upstreamtest.Snap{Name: "pc20", Type: "gadget", Base: "core20"}, map[string]string{"grub.conf": "", "meta/gadget.yaml": gadget20YAML}},
}

const gadgetYAML = `volumes:
  pc:
    bootloader: grub
    structure:
      - {name: EFI System, type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", size: 50M, filesystem: vfat, filesystem-label: system-boot}
`

const gadget20YAML = `volumes:
  pc:
    schema: gpt
    bootloader: grub
    structure:
      - {name: ubuntu-seed, role: system-seed, filesystem: vfat, type: "EF,C12A7328-F81F-11D2-BA4B-00A0C93EC93B", size: 1200M}
      - {name: ubuntu-boot, role: system-boot, filesystem: ext4, type: "83,0FC63DAF-8483-4772-8E79-3D69D8477DE4", size: 750M}
      - {name: ubuntu-save, role: system-save, filesystem: ext4, type: "83,0FC63DAF-8483-4772-8E79-3D69D8477DE4", size: 16M}
      - {name: ubuntu-data, role: system-data, filesystem: ext4, type: "83,0FC63DAF-8483-4772-8E79-3D69D8477DE4", size: 1G}
`

// brand is a brand with models of its own.
type brand struct {
	*assertiontest.Account
	up *origin
}

// newBrand publishes the snaps of an image, and a real snapd.
func newBrand(t *testing.T, up *origin) *brand {
	t.Helper()
	b := &brand{up.Brand(), up}
	up.addSnapd()
	for _, s := range imageSnaps {
		s.Publisher = upstreamtest.Publisher{ID: b.ID, Username: b.ID, DisplayName: b.ID, Validation: "unproven"}
		if err := up.AddSnap(s.Snap); err != nil {
			t.Fatal(err)
		}
		rev := upstreamtest.Rev{Revision: 1, Version: "1"}
		rev.YAML = upstreamtest.YAML(s.Snap, rev)
		rev.Blob = upstreamtest.File(snapdaemon.MakeSnap(t, up.dir, rev.YAML, s.files))
		if err := up.AddRevision(s.Name, rev); err != nil {
			t.Fatal(err)
		}
		if err := up.Release(s.Name, "", "stable", 1); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// model writes a model of Ubuntu Core 18 into a file.
func (b *brand) model(t *testing.T, changes assertiontest.Headers) string {
	t.Helper()
	headers := assertiontest.Headers{"classic": nil, "base": "core18", "gadget": "pc", "kernel": "pc-kernel", "required-snaps": []any{"greeter"}}
	for name, v := range changes {
		headers[name] = v
	}
	path := filepath.Join(t.TempDir(), "box.model")
	if err := os.WriteFile(path, b.Model("box", headers).Raw(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPrepareImage builds a classic image and one of Ubuntu Core with the real snap command, from our store alone.
func TestPrepareImage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd")
	}
	up := newOrigin(t)
	acme := newBrand(t, up)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.push(o.export("greeter", "pc", "pc-kernel", "core18")...)
	in.serve()
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapdaemon.BuildWithRoot(t),
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})

	// The model of a generic device is Canonical's own. Nothing of it was exported.
	dir := t.TempDir()
	t.Logf("snap prepare-image --classic:\n%s", d.MustSnap("prepare-image", "--classic", "--arch=amd64", "--snap=greeter", "", dir))
	wantSeed(t, filepath.Join(dir, "var/lib/snapd/seed"), []string{"generic-classic", "d-JcZF9nD9eBw7bwMnH61x"}, "greeter_1.snap")

	model := acme.model(t, nil)
	if _, stderr, err := d.Snap("prepare-image", model, t.TempDir()); err == nil || !strings.Contains(stderr, "account-key") {
		t.Errorf("an image of a brand whose key is not here: %v, %s", err, stderr)
	}
	keys := filepath.Join(o.dir, "keys.tar.gz")
	o.admin("export", "account-keys", acme.ID, acme.Key.KeyID(), "--single", keys, "--trusted-root", o.root)
	if got, want := in.proxy("push-account-keys", keys), "[account-key "+acme.Key.KeyID()+"] Uploaded assertion\n"; got != want {
		t.Errorf("push-account-keys prints %q, want %q", got, want)
	}
	in.awaitAssertion("account-key/" + acme.Key.KeyID())
	dir = t.TempDir()
	t.Logf("snap prepare-image of Ubuntu Core:\n%s", d.MustSnap("prepare-image", model, dir))
	wantSeed(t, filepath.Join(dir, "image/var/lib/snapd/seed"), []string{"box", acme.Key.KeyID()},
		"core18_1.snap", "greeter_1.snap", "pc-kernel_1.snap", "pc_1.snap", "snapd_30000.snap")
}

// model20 writes a model of Ubuntu Core 20 that enforces a point of the validation set acme/base, or its latest.
func (b *brand) model20(t *testing.T, sequence string) string {
	t.Helper()
	set := assertiontest.Headers{"account-id": b.ID, "name": "base", "mode": "enforce"}
	if sequence != "" {
		set["sequence"] = sequence
	}
	var snaps []any
	for _, s := range [][2]string{{"pc20", "gadget"}, {"pc-kernel20", "kernel"}, {"core20", "base"}, {"snapd", "snapd"}, {"greeter", "app"}} {
		id := upstreamtest.ID(s[0])
		if s[0] == "snapd" {
			id = upstreamtest.SnapdID
		}
		snaps = append(snaps, assertiontest.Headers{"name": s[0], "type": s[1], "id": id})
	}
	return b.model(t, assertiontest.Headers{"base": "core20", "grade": "signed", "gadget": nil, "kernel": nil, "required-snaps": nil,
		"snaps": snaps, "validation-sets": []any{set}})
}

// TestPrepareImageOfSet builds images whose model enforces a validation set, which pins another revision than the one in stable. Debian's
// snapd builds the image and does not know the header.
func TestPrepareImageOfSet(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds snapd")
	}
	up := newOrigin(t)
	acme := newBrand(t, up)
	for _, name := range []string{"greeter", "rival"} {
		up.addSnap(name)
	}
	for n := range 3 {
		up.upload("greeter", upstreamtest.Rev{Revision: n + 1}, "stable")
	}
	acme.addPoint(1, 1)
	acme.addPoint(2, 2)
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.push(o.export("greeter", "pc20", "pc-kernel20", "core20")...)
	in.proxy("push-validation-sets", o.exportSet(t, "acme/base=1"), o.exportSet(t, "acme/base"))
	in.serve()
	snapd := snapdaemon.BuildWithRoot(t)
	d := snapdaemon.Start(t, snapdaemon.Options{
		Binaries:    snapd,
		TrustedRoot: up.Stack.RootStream(),
		StoreURL:    "http://127.0.0.1:8080",
		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, in.url)}},
	})
	enforce := filepath.Join(t.TempDir(), "customize.json")
	o.write(enforce, []byte(`{"validation":"enforce"}`))
	for sequence, greeter := range map[string]string{"1": "greeter_1.snap", "": "greeter_2.snap"} {
		args := []string{"prepare-image"}
		if snapd.Newer() {
			args = append(args, "--customize="+enforce)
		} else {
			greeter = "greeter_3.snap"
		}
		dir := t.TempDir()
		t.Logf("snap prepare-image of Ubuntu Core 20:\n%s", d.MustSnap(append(args, acme.model20(t, sequence), dir)...))
		wantSeed(t, filepath.Join(dir, "system-seed"), nil, greeter, "core20_1.snap", "pc-kernel20_1.snap", "pc20_1.snap", "snapd_30000.snap")
	}
}

// wantSeed checks the snaps of a seed, and that its assertions contain some words.
func wantSeed(t *testing.T, seed string, words []string, snaps ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(seed, "snaps", "*.snap"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	for _, s := range snaps {
		if !slices.Contains(files, s) {
			t.Errorf("the image has %q, want %s", files, s)
		}
	}
	var assertions strings.Builder
	list, err := filepath.Glob(filepath.Join(seed, "assertions", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		assertions.Write(text)
	}
	for _, w := range words {
		if !strings.Contains(assertions.String(), w) {
			t.Errorf("the assertions of the image lack %q", w)
		}
	}
}
