//go:build linux

package e2e_test

import (
	"path/filepath"
	"regexp"
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

// TestCharmsGoOffline takes an online store offline with the charms that Juju was given, and with their images, while the lines upstream are cut.
func TestCharmsGoOffline(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until a server has recorded what it gave; CI runs it")
	}
	need(t, "skopeo")
	var cut atomic.Bool // the line to the registry
	s, url, _ := newCutHub(t, &cut)
	in, l := newEdge(t, newCharmOutside(t, s, url), url)
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	in.url = "http://" + addresses[0]
	given := deployImages(t, in.url)
	for _, i := range given {
		skopeo(t, "--override-arch", "amd64", "copy", "--src-tls-verify=false", "docker://"+i.ref, "dir:"+t.TempDir())
	}
	j := juju{t, in.url}
	j.resolve("grafana-agent", "stable", "amd64") // never downloaded
	l.cut.Store(true)
	cut.Store(true)
	in.awaitPlan("postgresql 14", "postgresql-k8s 14", "traefik-k8s latest", "grafana-agent latest")
	plan := in.proxy("enable-airgap-mode", "--plan")
	kept, lost, _ := strings.Cut(plan, "will not get them any more")
	for _, name := range []string{"postgresql", "postgresql-k8s", "traefik-k8s"} {
		if !regexp.MustCompile(`(?m)^  `+name+` +\S+ +amd64 .* charm ubuntu/[0-9.]+$`).MatchString(kept) || strings.Contains(lost, name+" ") {
			t.Errorf("%s is not kept:\n%s", name, plan)
		}
	}
	if !strings.Contains(lost, "grafana-agent") {
		t.Errorf("grafana-agent is kept, although nobody has downloaded it:\n%s", plan)
	}
	out := in.proxy("enable-airgap-mode")
	if !strings.Contains(out, "Store is in air-gapped mode") {
		t.Errorf("enable-airgap-mode printed %s", out)
	}
	if strings.Contains(plan, "(by number)") {
		t.Errorf("the plan has the revisions of channels by their numbers, too:\n%s", plan)
	}
	in.awaitServed("/v2/charms/info/postgresql")
	for i, img := range deployImages(t, in.url) {
		if path(img.ref) != path(given[i].ref) {
			t.Errorf("the image is %s, want %s", img.ref, given[i].ref)
		}
		skopeo(t, "--override-arch", "amd64", "copy", "--src-tls-verify=false", "docker://"+img.ref, "dir:"+t.TempDir())
	}
	in.proxy("check", "--blobs")
}
