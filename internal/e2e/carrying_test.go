//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/internal/upstreamtest"
)

// TestCarryingWithReceipts carries three weeks to a site that sends receipts, and one disk is lost. Bundles for the site have only the blobs that it lacks.
func TestCarryingWithReceipts(t *testing.T) {
	t.Parallel()
	up := newOrigin(t)
	for _, name := range []string{"greeter", "steady"} {
		up.addSnap(name)
		up.upload(name, upstreamtest.Rev{Revision: 1}, "stable")
	}
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	key, state := filepath.Join(o.dir, "ship.pem"), 0
	o.write(key, []byte(in.proxy("audit", "key")))
	o.admin("receiver", "add", "ship-7", "--key", key)
	week := func(flags ...string) string {
		t.Helper()
		state++
		file := filepath.Join(o.dir, fmt.Sprintf("week%d.tar", state))
		o.admin(append([]string{"export", "snaps", "greeter", "steady", "--trusted-root", o.root, "--for", "ship-7", "--compression", "none", "--single", file}, flags...)...)
		return file
	}
	receipt := func() string {
		t.Helper()
		state++
		time.Sleep(time.Second) // receipts have seconds, and must be newer
		file := filepath.Join(o.dir, fmt.Sprint("receipt", state))
		in.proxy("receipt", "--output", file)
		return file
	}
	in.push(week())
	first := receipt()
	if out := o.admin("receiver", "update", "ship-7", first); !strings.Contains(out, "Receiver ship-7 has ") {
		t.Errorf("receiver update says %q", out)
	}
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	second := week()
	if out := o.admin("inspect", second); !strings.Contains(out, "left out, by its receipt") || strings.Contains(out, " in 0 blobs") || !strings.Contains(out, " in 1 blobs") {
		t.Errorf("inspect of the second week says:\n%s", out)
	}
	if big, small := size(t, filepath.Join(o.dir, "week1.tar")), size(t, second); small >= big {
		t.Errorf("the increment has %d bytes, the whole %d", small, big)
	}
	// The second disk is lost. The third bundle relies on the receipt alone, so it brings both revisions.
	up.upload("greeter", upstreamtest.Rev{Revision: 3}, "stable")
	third := week()
	in.push(third)
	in.serve()
	in.await("greeter", "stable", 3)
	in.await("steady", "stable", 1)
	// A fourth one that assumes the second and third to be there relies on a blob that never arrived only if something needs it: nothing does.
	in.push(week("--assume-delivered"))
	// A receipt that is older, or altered, is refused.
	newer := receipt()
	o.admin("receiver", "update", "ship-7", newer)
	o.refuses("not newer", "receiver", "update", "ship-7", first)
	text, err := os.ReadFile(newer)
	if err != nil {
		t.Fatal(err)
	}
	forged := filepath.Join(o.dir, "forged")
	o.write(forged, []byte(strings.Replace(string(text), `"generation":`, `"generation":1`, 1)))
	o.refuses("altered", "receiver", "update", "ship-7", forged)
}

// refuses fails the test unless a command fails with a text.
func (o *outside) refuses(want string, args ...string) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), program(o.t, "store-admin"), args...)
	cmd.Env = append(os.Environ(), o.env...)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), want) {
		o.t.Errorf("%q: %v, %s; want a failure with %q", args, err, out, want)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestCarryingWithoutReceipts loses a disk on the way to a site that lets nothing out but a voice. The push names the lost bundle, and a want code that is
// read over the telephone brings it.
func TestCarryingWithoutReceipts(t *testing.T) {
	t.Parallel()
	up := newOrigin(t)
	for _, name := range []string{"greeter", "steady"} {
		up.addSnap(name)
		up.upload(name, upstreamtest.Rev{Revision: 1}, "stable")
	}
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	key := filepath.Join(o.dir, "ship.pem")
	o.write(key, []byte(in.proxy("audit", "key")))
	o.admin("receiver", "add", "ship-7", "--key", key)
	week := func(n int) string {
		t.Helper()
		file := filepath.Join(o.dir, fmt.Sprintf("week%d.tar", n))
		o.admin("export", "snaps", "greeter", "steady", "--trusted-root", o.root, "--for", "ship-7", "--assume-delivered", "--compression", "none", "--single", file)
		return file
	}
	in.push(week(1))
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	week(2) // the disk is lost
	up.upload("steady", upstreamtest.Rev{Revision: 2}, "stable")
	third := week(3)
	out := in.fails("push-snap", third)
	if !strings.Contains(out, `it leaves out 1 of the blobs that ship-7 should have`) || !strings.Contains(out, `"week2.tar"`) {
		t.Errorf("the push says:\n%s", out)
	}
	_, rest, _ := strings.Cut(out, "Want code of ")
	_, rest, _ = strings.Cut(rest, "\n")
	code, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	if len(code) < 100 || len(code) > 200 {
		t.Fatalf("a want code of %d characters: %q", len(code), code)
	}
	gap := filepath.Join(o.dir, "gap", "gap.tar")
	if err := os.Mkdir(filepath.Dir(gap), 0o755); err != nil {
		t.Fatal(err)
	}
	parts := []string{"--part-size", fmt.Sprint(size(t, third) + 3<<10)} // room for one of the two blobs
	other := "0"
	if code[0] == '0' {
		other = "1"
	}
	o.refuses("wrong character", "export", "--want", other+code[1:], "--single", gap)
	if said := o.admin(append([]string{"export", "--want", strings.ToLower(strings.ReplaceAll(code, "-", " ")), "--single", gap}, parts...)...); !strings.Contains(said, "For ship-7, with 2 blobs that it lacks for week3.tar") ||
		!strings.Contains(said, "gap.part2of2.tar") {
		t.Errorf("export --want says:\n%s", said)
	}
	o.refuses("used before", "export", "--want", code, "--single", gap+"2")
	in.push(filepath.Dir(gap))
	in.serve()
	in.await("greeter", "stable", 2)
	in.await("steady", "stable", 2)
	in.push(third) // a late disk changes nothing
	// Another store's key has not signed the code.
	o.write(key, []byte(newInside(t, o).proxy("audit", "key")))
	o.admin("receiver", "update", "ship-7", "--key", key)
	o.refuses("another store", "export", "--want", code, "--single", gap+"3")
}

// fails returns the output of a command that must fail.
func (in *inside) fails(args ...string) string {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), program(in.t, "snap-store-proxy"), append([]string{"--data-dir", in.data}, args...)...)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		in.t.Fatalf("%q: %v, %s; want a failure", args, err, out)
	}
	return string(out)
}
