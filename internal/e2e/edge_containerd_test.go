//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestContainerdAtTheEdge lets Debian's containerd fetch the images of a charm by way of an online store, and again with the lines upstream cut.
func TestContainerdAtTheEdge(t *testing.T) {
	t.Parallel()
	need(t, "ctr")
	cut := new(atomic.Bool) // the line to the registry
	s, url, _ := newCutHub(t, cut)
	in, l := newEdge(t, newCharmOutside(t, s, url), url)
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	images := juju{t, "http://" + addresses[0]}.deploy("postgresql-k8s", "14/stable", "amd64")
	if len(images) != 1 || images[0].user != "" {
		t.Fatalf("the charm has the images %+v, want one without a login", images)
	}
	for _, c := range []bool{false, true} {
		l.cut.Store(c)
		cut.Store(c)
		d := newContainerd(t) // has nothing yet
		out := d.ctr("content", "fetch", "--plain-http", "--platform", "linux/amd64", images[0].ref)
		_, digest, _ := strings.Cut(images[0].ref, "@")
		if list := d.ctr("images", "ls"); !strings.Contains(list, digest) {
			t.Errorf("with the line cut %v, containerd has the images\n%s, want %s; it printed %s", c, list, digest, out)
		}
		if list := d.ctr("content", "ls", "-q"); len(strings.Fields(list)) < 4 {
			t.Errorf("with the line cut %v, containerd has the content\n%s, want an index, a manifest, a config and layers", c, list)
		}
	}
}

// containerd is a running daemon of its own.
type containerd struct {
	t       *testing.T
	address string
}

func newContainerd(t *testing.T) *containerd {
	t.Helper()
	dir := newDir(t)
	d := &containerd{t, filepath.Join(dir, "sock")}
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), d.address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("containerd", "--config", config, "--log-level", "warn")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if exec.Command("ctr", "--address", d.address, "version").Run() == nil {
			return d
		}
		if time.Now().After(deadline) {
			t.Fatal("containerd does not answer")
		}
	}
}

// ctr runs a command of containerd's client.
func (d *containerd) ctr(args ...string) string {
	d.t.Helper()
	return run(d.t, nil, "ctr", append([]string{"--address", d.address}, args...)...)
}
