//go:build linux

package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
)

// offered returns the revision that the store offers a device with an installed snap, or 0.
func (c *client) offered(t *testing.T, name string, revision int) int {
	t.Helper()
	got := c.do(t, snapddriver.ExitOK, "refresh", "--installed", installed(name, revision, "latest/stable"))
	switch len(got.Snaps) {
	case 0:
		return 0
	case 1:
		return got.Snaps[0].Revision
	}
	t.Fatalf("a device with %s is offered %+v", name, got.Snaps)
	return 0
}

// refreshes asks for newer revisions before and after they cross the gap. The server runs all the time.
func refreshes(t *testing.T, c *client, o *outside, in *inside) {
	if got := c.offered(t, "greeter", 1); got != 0 {
		t.Errorf("before the second push, revision %d is offered, want none", got)
	}
	c.upstream.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	in.push(o.export("greeter", "--no-deps")...)
	in.await("greeter", "stable", 2)
	if got := c.offered(t, "greeter", 1); got != 2 {
		t.Errorf("after the second push, revision %d is offered, want 2", got)
	}
	if got := c.offered(t, "greeter", 2); got != 0 {
		t.Errorf("a device with revision 2 is offered %d, want none", got)
	}
	got := c.fetch(t, "--action", "refresh", "--installed", installed("greeter", 1, "latest/stable"), "greeter")
	if got.Revision != 2 || got.EffectiveChannel != "stable" {
		t.Errorf("refresh: revision %d from %q, want 2 from stable", got.Revision, got.EffectiveChannel)
	}
	if got := c.fetch(t, "--revision", "1", "greeter"); got.Revision != 1 {
		t.Errorf("install of what stable held before: revision %d, want 1", got.Revision)
	}
}

// overrides holds a revision back and releases it again. The server runs all the time. Stock snapd goes back and forward.
func overrides(t *testing.T, c *client, in *inside) {
	if got := in.proxy("override", "greeter", "stable=1"); got != "greeter stable all 1\n" {
		t.Errorf("override printed %q", got)
	}
	in.await("greeter", "stable", 1)
	if got := c.offered(t, "greeter", 2); got != 1 {
		t.Errorf("a device with revision 2 is offered %d while stable is overridden, want 1", got)
	}
	if got := c.fetch(t, "greeter"); got.Revision != 1 || got.EffectiveChannel != "stable" {
		t.Errorf("install: revision %d from %q, want 1 from stable", got.Revision, got.EffectiveChannel)
	}
	if got := c.fetch(t, "--revision", "2", "greeter"); got.Revision != 2 {
		t.Errorf("install of what the override hides: revision %d, want 2", got.Revision)
	}
	in.proxy("delete-override", "greeter", "stable")
	in.await("greeter", "stable", 2)
	if got := c.offered(t, "greeter", 1); got != 2 {
		t.Errorf("a device with revision 1 is offered %d afterwards, want 2", got)
	}
}

// epochs moves a device along revisions that each read only the data of the one before. The device has to make every step. One
// export brings them all.
func epochs(t *testing.T, c *client, o *outside, in *inside) {
	for i, e := range []upstreamtest.Epoch{{Read: []uint32{0, 1}, Write: []uint32{1}}, {Read: []uint32{1, 2}, Write: []uint32{2}}} {
		c.upstream.upload("stepper", upstreamtest.Rev{Revision: 2 + i, Epoch: e}, "stable")
	}
	in.push(o.export("stepper", "--no-deps")...)
	in.await("stepper", "stable", 3)
	if got := c.fetch(t, "stepper").Revision; got != 3 {
		t.Errorf("a new device gets revision %d, want 3", got)
	}
	if got := c.offered(t, "stepper", 1); got != 2 {
		t.Errorf("a device whose data is of epoch 0 is offered revision %d, want 2", got)
	}
	// snapd compares the answer with the installed revision. Without an answer it would report that the store is at fault.
	got := c.do(t, snapddriver.ExitAnswer, "install", "--action", "refresh", "--installed", installed("stepper", 9, "latest/stable")+",7", "stepper")
	if got.Error == nil || !strings.Contains(got.Error.Message, "no updates available") {
		t.Errorf("a device whose data is of epoch 7 gets %+v, want no update", got)
	}
}

// cohorts keeps devices at the channel map of a moment. The server runs all the time.
func cohorts(t *testing.T, c *client, o *outside, in *inside) {
	key := c.do(t, snapddriver.ExitOK, "create-cohort", "greeter", "jq").CohortKeys["greeter"]
	c.upstream.upload("greeter", upstreamtest.Rev{Revision: 3}, "stable")
	in.push(o.export("greeter", "--no-deps")...)
	in.await("greeter", "stable", 3)
	if got := c.fetch(t, "--cohort", key, "greeter"); got.Revision != 2 || got.EffectiveChannel != "stable" {
		t.Errorf("in the cohort: revision %d from %q, want 2 from stable", got.Revision, got.EffectiveChannel)
	}
	if got := c.fetch(t, "greeter"); got.Revision != 3 {
		t.Errorf("outside of the cohort: revision %d, want 3", got.Revision)
	}
	c.do(t, snapddriver.ExitAnswer, "create-cohort", "no-such")
}

// takesBack tries a held revision on one device, releases it to all, and takes its import back. The server runs all the time. Stock snapd
// follows.
func takesBack(t *testing.T, c *client, o *outside, in *inside) {
	in.proxy("hold", "greeter")
	c.upstream.upload("greeter", upstreamtest.Rev{Revision: 4}, "stable")
	in.push(o.export("greeter", "--no-deps")...)
	in.proxy("promote", "greeter", "4", "pilot/stable")
	in.await("greeter", "pilot/stable", 4)
	if got := c.offered(t, "greeter", 3); got != 0 {
		t.Errorf("while greeter is held, revision %d is offered, want none", got)
	}
	got := c.fetch(t, "--action", "refresh", "--installed", installed("greeter", 3, "pilot/stable"), "greeter")
	if got.Revision != 4 || got.EffectiveChannel != "pilot/stable" {
		t.Errorf("refresh of the device that tries it: revision %d from %q, want 4 from pilot/stable", got.Revision, got.EffectiveChannel)
	}
	in.proxy("release", "greeter")
	in.await("greeter", "stable", 4)
	if got := c.offered(t, "greeter", 3); got != 4 {
		t.Errorf("after the release, revision %d is offered, want 4", got)
	}
	in.proxy("close-channel", "greeter", "pilot/stable")
	in.proxy("rollback", "--yes")
	in.await("greeter", "stable", 3)
	if got := c.offered(t, "greeter", 4); got != 3 {
		t.Errorf("after the rollback, a device with revision 4 is offered %d, want 3", got)
	}
	if got := c.fetch(t, "greeter"); got.Revision != 3 || got.EffectiveChannel != "stable" {
		t.Errorf("install after the rollback: revision %d from %q, want 3 from stable", got.Revision, got.EffectiveChannel)
	}
}

// removals removes a snap that a device has. The device keeps working: its other snaps are refreshed, and its assertions are served.
// The server runs all the time.
func removals(t *testing.T, c *client, o *outside, in *inside) {
	in.proxy("remove-snap", "stepper", "--yes")
	both := []string{"--action", "refresh", "--installed", installed("greeter", 1, "latest/stable"), "--installed", installed("stepper", 1, "latest/stable")}
	in.awaitNone("stepper")
	got := c.do(t, snapddriver.ExitAnswer, "install", append(both, "greeter", "stepper")...)
	if len(got.Snaps) != 1 || got.Snaps[0].Name != "greeter" || len(got.Errors) != 1 || got.Errors[0].Name != "stepper" || got.Errors[0].Kind != "snap-not-found" {
		t.Errorf("a refresh of two snaps answers %+v and %+v, want greeter, and that stepper is not found", got.Snaps, got.Errors)
	}
	c.do(t, snapddriver.ExitOK, "assertion", "snap-declaration", "16", upstreamtest.ID("stepper"))
	c.do(t, snapddriver.ExitAnswer, "install", "stepper")
	in.push(o.export("stepper", "--no-deps")...)
	in.await("stepper", "stable", 3)
	if got := c.fetch(t, "stepper").Revision; got != 3 {
		t.Errorf("after another push, a new device gets revision %d, want 3", got)
	}
}

// getFile reads a file of the store at base.
func getFile(t *testing.T, url, base string, w io.Writer) {
	t.Helper()
	if !strings.HasPrefix(url, base+"/") {
		t.Fatalf("%s is not of this store", url)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v", url, resp.StatusCode, err)
	}
}
