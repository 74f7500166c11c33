package e2e_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCharmBridge exports the charms that Juju was given by an online store, with the line cut, and deploys them in the next enclave.
func TestCharmBridge(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	var cut atomic.Bool // the line to the registry
	s, url, _ := newCutHub(t, &cut)
	o := newCharmOutside(t, s, url)
	in, l := newEdge(t, o, url)
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	in.url = "http://" + addresses[0]
	given := deployImages(t, in.url)
	for _, i := range given {
		pull(t, i.ref, i.user, i.password)
	}
	l.cut.Store(true)
	cut.Store(true)
	file := filepath.Join(o.dir, "next.tar.gz")
	out := o.admin("export", "charms", "--from", in.url, "--single", file, "--trusted-root", o.root)
	if !strings.Contains(out, "postgresql-k8s revision 20 (14/stable amd64") {
		t.Errorf("export charms --from printed %s", out)
	}
	lacks(t, file, in.url)
	next := newInside(t, o)
	next.proxy("push-charms", file)
	addresses, _ = next.serveOn(2, "--registry-listen", "127.0.0.1:0")
	for i, img := range deployImages(t, "http://"+addresses[0]) {
		if path(img.ref) != path(given[i].ref) || !strings.HasPrefix(img.ref, addresses[1]+"/") {
			t.Errorf("the next enclave gives the image %s, want %s of its own registry", img.ref, path(given[i].ref))
		}
		// Juju has asked for one architecture, and the export has no other.
		skopeo(t, "--override-arch", "amd64", "copy", "--src-tls-verify=false", "docker://"+img.ref, "dir:"+t.TempDir())
	}
	o.refuses("no Juju of "+in.url+" was given postgresq (did you mean postgresql?)", "export", "charms", "postgresq", "--from", in.url)
	o.refuses("--from is for a store that is online", "export", "charms", "--from", "http://"+addresses[0])
}

// deployImages deploys a charm with files and two with images, as Juju does, and returns the images.
func deployImages(t *testing.T, url string) []image {
	t.Helper()
	j := juju{t, url}
	j.deploy("postgresql", "14/stable", "amd64")
	images := append(j.deploy("postgresql-k8s", "14/stable", "amd64"), j.deploy("traefik-k8s", "latest/stable", "amd64")...)
	if len(images) != 2 {
		t.Fatalf("the charms have %d images, want 2", len(images))
	}
	return images
}
