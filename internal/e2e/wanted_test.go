//go:build linux

package e2e_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// TestWantedState carries everything that one file names. The store inside writes the file for the next time, which is locked. Then channels move
// upstream, and two people with two caches export the lock: their bundles have the same index.
func TestWantedState(t *testing.T) {
	t.Parallel()
	up, acme := brandOrigin(t)
	registry := upstreamtest.DemoRegistry()
	images := httptest.NewServer(registry.Handler())
	t.Cleanup(images.Close)
	if err := upstreamtest.DemoCharms(up.Store, upstreamtest.DemoCharmsOptions{Registry: registry, Host: images.Listener.Addr().String(), Payload: 10 << 10}); err != nil {
		t.Fatal(err)
	}
	o := newCharmOutside(t, up.Store, up.url)
	o.logIn(up)
	o.write(filepath.Join(o.dir, "pump.model"), acme.Model("pump", assertiontest.Headers{"classic": nil, "base": "core24", "grade": "signed", "snaps": []any{
		map[string]any{"name": "jq", "id": upstreamtest.ID("jq"), "type": "app", "default-channel": "latest/edge"}}}).Raw())
	file := func(name string) string { return filepath.Join(o.dir, name) }
	o.write(file("wanted.yaml"), []byte(`
snaps: [greeter, {name: hello, revision: 20, push_channel: beta}]
charms: [grafana-agent]
bundles: [cos-lite]
validation-sets: [acme/tools=2]
models: [pump.model]
stores: [acme-pumps]
`))
	export := func(o *outside, name string, args ...string) string {
		t.Helper()
		bundle := filepath.Join(o.dir, name)
		o.admin(append([]string{"export", "--trusted-root", o.root, "--single", bundle}, args...)...)
		return bundle
	}
	in := newInside(t, o)
	in.push(export(o, "all.tar", file("wanted.yaml")))
	in.proxy("check")

	followed := in.proxy("wanted")
	for _, want := range []string{"- name: greeter", "push_channel: 2.0/beta", "- name: grafana-agent", "- name: cos-lite", "- acme/tools", "assertion: |", "- acme-pumps"} {
		if !strings.Contains(followed, want) {
			t.Errorf("wanted lacks %q:\n%s", want, followed)
		}
	}
	o.write(file("inside.yaml"), []byte(followed))
	o.admin("lock", "--trusted-root", o.root, file("inside.yaml"))
	locked := o.indexOf(file("inside.lock"))

	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	if err := up.Release("jq", "amd64", "latest/edge", 6); err != nil {
		t.Fatal(err)
	}
	up.Describe("jq", "Another title", nil)
	first := export(o, "first.tar", "--locked", file("inside.yaml"))
	second := newCharmOutside(t, up.Store, up.url)
	second.env = append(second.env, o.env[len(o.env)-2:]...) // the dashboard and the SSO
	second.admin("login", adminEmail, "--password-file", file("password"))
	later := export(second, "second.tar", file("inside.lock"))
	for _, bundle := range []string{first, later} {
		if got := o.indexOf(bundle); got != locked {
			t.Errorf("%s has the index %s, and the lock %s", bundle, got, locked)
		}
	}
	if moved := o.indexOf(export(o, "moved.tar", file("inside.yaml"))); moved == locked {
		t.Error("an export without the lock has the index of the lock, although channels have moved")
	}
	in.proxy("trust", "add", second.key)
	in.push(later)
	in.serve()
	in.await("greeter", "stable", 1)
}

// indexOf returns the digest of the index of a bundle, or of a lock.
func (o *outside) indexOf(path string) string {
	o.t.Helper()
	if strings.HasSuffix(path, ".lock") {
		text, err := os.ReadFile(path)
		if err != nil {
			o.t.Fatal(err)
		}
		return regexp.MustCompile(`"index": "(sha256:[0-9a-f]{64})"`).FindStringSubmatch(string(text))[1]
	}
	var list []struct{ Digest string }
	if err := json.Unmarshal([]byte(o.admin("inspect", "--json", path)), &list); err != nil || len(list) != 1 {
		o.t.Fatalf("inspect %s: %v", path, err)
	}
	return list[0].Digest
}
