//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/internal/killtest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/s3test"
	"offlinestore/internal/upstreamtest"
)

// TestBridge makes a bundle of the revisions that devices of an online store were given, for the next enclave, while upstream is away.
func TestBridge(t *testing.T) {
	t.Parallel()
	in, l, up, o, c := newGiven(t)
	l.cut.Store(true)
	before := up.Count("/")
	file := filepath.Join(o.dir, "next.tar.gz")
	o.admin("export", "snaps", "--from", in.url, "--no-deps", "--single", file, "--trusted-root", o.root)
	if n := up.Count("/"); n != before {
		t.Errorf("upstream was asked %d times by a line that is cut", n-before)
	}
	next := newInside(t, o)
	next.push(file)
	next.serve()
	again := &client{next.url, o.root, up}
	for name, revision := range map[string]int{"jq": 6, "greeter": 1} {
		got := again.fetch(t, name)
		if got.Revision != revision || got.EffectiveChannel != "stable" {
			t.Errorf("the next enclave gives %s revision %d from %q, want %d from stable", name, got.Revision, got.EffectiveChannel, revision)
		}
	}
	o.refuses("no device of "+in.url+" was given jqq (did you mean jq?)", "export", "snaps", "jqq", "--from", in.url)
	o.refuses("--from is for a store that is online", "export", "snaps", "--from", next.url)
	l.cut.Store(false)
	downloads := up.Count("/download-origin/")
	o.export("--from", in.url, "greeter", "--no-deps")
	if n := up.Count("/download-origin/"); n != downloads {
		t.Errorf("%d files came from upstream, although the cache has them", n-downloads)
	}
	_ = c
}

// newGiven makes an online store whose device has jq and greeter 1. Upstream has greeter 2 by now. A command may configure
// the store first.
func newGiven(t *testing.T, configure ...string) (*inside, *line, *origin, *outside, *client) {
	t.Helper()
	up := newOrigin(t)
	up.addSnap("greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in, l := newEdge(t, o, up.url)
	if len(configure) > 0 {
		in.proxy(configure...)
	}
	in.serve()
	c := &client{in.url, o.root, up}
	c.fetch(t, "jq")
	c.fetch(t, "greeter")
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	return in, l, up, o, c
}

// TestGoingOffline takes an online store offline while it serves, with the line cut.
func TestGoingOffline(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until a server has recorded what it gave; CI runs it")
	}
	in, l, up, _, c := newGiven(t)
	wanted := filepath.Join(t.TempDir(), "wanted.yaml")
	if err := os.WriteFile(wanted, []byte("dependencies: false\nsnaps:\n- name: hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := in.proxy("cache", "warm", wanted, "--dry-run"); !strings.Contains(got, "hello revision 42") && !strings.Contains(got, "hello revision 38") || !strings.Contains(got, "to fetch") {
		t.Errorf("cache warm --dry-run prints %s", got)
	}
	in.proxy("cache", "warm", wanted)
	if got := in.proxy("cache", "warm", wanted); !strings.Contains(got, "0 files, 0 B fetched") {
		t.Errorf("cache warm, again, prints %s", got)
	}
	in.proxy("override", "jq", "stable=6")
	l.cut.Store(true)
	in.awaitPlan("greeter  latest/stable  amd64  1", "jq  latest/stable  amd64  6", "overridden", "hello  2.0/stable  amd64")
	in.proxy("cache", "pin", "jq_6.snap")
	if got := in.proxy("cache", "list"); !strings.Contains(got, "greeter_1.snap") || !strings.Contains(got, "pinned") {
		t.Errorf("cache list prints %s", got)
	}
	in.proxy("cache", "drop", "greeter_1.snap")
	in.awaitPlan("its file is not in the cache any more")
	in.fails("cache", "drop", "greeter_1.snap")
	if got := in.proxy("config", "proxy.airgap"); strings.TrimSpace(got) != "false" {
		t.Errorf("after the plans, proxy.airgap is %s", got)
	}
	if got := in.proxy("enable-airgap-mode"); !strings.Contains(got, "Kept from the cache") || !strings.Contains(got, "Took over 1 override") {
		t.Errorf("enable-airgap-mode prints %s", got)
	}
	if got := in.proxy("list-overrides", "jq"); !strings.Contains(strings.Join(strings.Fields(got), " "), "jq stable amd64 6") {
		t.Errorf("list-overrides prints %s", got)
	}
	before := up.Count("/")
	in.awaitServed("/v2/snaps/info/jq")
	for name, revision := range map[string]int{"jq": 6} {
		if got := c.fetch(t, name); got.Revision != revision || got.EffectiveChannel != "stable" {
			t.Errorf("offline, %s is revision %d from %q, want %d from stable", name, got.Revision, got.EffectiveChannel, revision)
		}
	}
	if n := up.Count("/"); n != before {
		t.Errorf("upstream was asked %d times", n-before)
	}
	if got := in.proxy("history"); strings.Count(got, "this store") != 1 {
		t.Errorf("the history is %s, want one import of this store", got)
	}
	in.proxy("check", "--blobs")
}

// TestGoingOfflineToS3 takes an online store offline whose blobs are in a bucket.
func TestGoingOfflineToS3(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until a server has recorded what it gave; CI runs it")
	}
	server, bucket := s3test.Start(t), s3test.NewBucket()
	in, l, _, _, c := newGiven(t, append(s3Settings(server.URL, bucket), "proxy.storage.backend=s3", "proxy.db.connection="+pgtest.New(t))...)
	l.cut.Store(true)
	in.awaitPlan("greeter  latest/stable  amd64  1", "jq  latest/stable  amd64  6")
	in.proxy("enable-airgap-mode")
	in.awaitServed("/v2/snaps/info/jq")
	for name, revision := range map[string]int{"jq": 6, "greeter": 1} {
		if got := c.fetch(t, name); got.Revision != revision {
			t.Errorf("offline, %s is revision %d, want %d", name, got.Revision, revision)
		}
	}
	if n, uploads := objects(t, server, bucket); n < 2 || uploads != 0 {
		t.Errorf("the bucket has %d objects and %d uploads, want the snaps and no upload", n, uploads)
	}
	if out := in.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
		t.Errorf("check --blobs prints %q", out)
	}
}

// TestGoingOfflineKilled kills enable-airgap-mode before one change of a file after another. A store that is online still has everything to keep,
// and one that is offline has everything.
func TestGoingOfflineKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute; CI runs it")
	}
	in, l, _, _, c := newGiven(t)
	l.cut.Store(true)
	in.awaitPlan("greeter  latest/stable  amd64  1", "jq  latest/stable  amd64  6")
	n := 0
	for ; killtest.AtRename(t, exec.Command(program(t, "snap-store-proxy"), "--data-dir", in.data, "enable-airgap-mode"), n); n += 3 {
		if strings.TrimSpace(in.proxy("config", "proxy.airgap")) == "false" {
			in.awaitPlan("Devices will still get", "greeter  latest/stable  amd64  1", "jq  latest/stable  amd64  6", "Nothing that devices were given is lost.")
		}
	}
	if n == 0 {
		t.Fatal("the command was never killed")
	}
	t.Logf("killed before %d changes", n/3)
	in.awaitServed("/v2/snaps/info/jq")
	for name, revision := range map[string]int{"jq": 6, "greeter": 1} {
		if got := c.fetch(t, name); got.Revision != revision {
			t.Errorf("offline, %s is revision %d, want %d", name, got.Revision, revision)
		}
	}
	if out := in.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
		t.Errorf("check --blobs prints %q", out)
	}
	if _, err := os.Stat(filepath.Join(in.data, ".going-offline")); !os.IsNotExist(err) {
		t.Errorf("the folder of the work remains: %v", err)
	}
}

// awaitPlan waits until the plan of going offline has texts in it, regardless of the number of spaces.
func (in *inside) awaitPlan(want ...string) {
	in.t.Helper()
	var got string
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		got = strings.Join(strings.Fields(in.proxy("enable-airgap-mode", "--plan")), " ")
		missing := false
		for _, w := range want {
			missing = missing || !strings.Contains(got, strings.Join(strings.Fields(w), " "))
		}
		if !missing {
			return
		}
	}
	in.t.Fatalf("the plan is %s, want %q in it", got, want)
}

// awaitServed waits until the server answers from its catalogue.
func (in *inside) awaitServed(path string) {
	in.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var got map[string]any
		if resp := get(in.t, in.url+"/v2/edge/releases", &got); resp.StatusCode == 404 {
			get(in.t, in.url+path, &got)
			return
		}
	}
	in.t.Fatal("the server stays online")
}
