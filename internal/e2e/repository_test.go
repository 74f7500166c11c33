//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// registryAuth is the login of dockerRegistry.
var registryAuth = &authn.Basic{Username: "juju", Password: "s3cret"}

// imageHost is a registry upstream, Debian's docker-registry, with images that belong to no charm.
type imageHost struct {
	t    *testing.T
	host string
}

// put pushes an image for two platforms under a tag, and returns its digest.
func (h *imageHost) put(repository, tag string) string {
	h.t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64", "s390x"} {
		image, err := random.Image(2000, 2)
		if err == nil {
			image, err = forArchitecture(image, arch)
		}
		if err != nil {
			h.t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	ref, err := name.ParseReference(h.host + "/" + repository + ":" + tag)
	if err == nil {
		err = remote.WriteIndex(ref, mutate.IndexMediaType(index, types.OCIImageIndex), remote.WithAuth(registryAuth))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	d, err := remote.Head(ref, remote.WithAuth(registryAuth))
	if err != nil {
		h.t.Fatal(err)
	}
	return d.Digest.String()
}

// forArchitecture returns an image with an architecture in its config.
func forArchitecture(image v1.Image, arch string) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy() // with the layers' digests, which containerd compares
	config.OS, config.Architecture = "linux", arch
	return mutate.ConfigFile(image, config)
}

// newImageHost returns a registry upstream, and a connected host with a login for it.
func newImageHost(t *testing.T) (*imageHost, *outside) {
	t.Helper()
	need(t, "skopeo")
	h := &imageHost{t, dockerRegistry(t)}
	up := newOrigin(t)
	o := newOutside(t, up.url, up.Stack.RootStream())
	login := filepath.Join(o.dir, "docker")
	if err := os.Mkdir(login, 0o700); err != nil {
		t.Fatal(err)
	}
	o.write(filepath.Join(login, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, h.host, base64.StdEncoding.EncodeToString([]byte("juju:s3cret"))))
	o.env = append(o.env, "DOCKER_CONFIG="+login)
	return h, o
}

// exportImages exports images into a file of this name.
func (o *outside) exportImages(file string, args ...string) string {
	o.t.Helper()
	file = filepath.Join(o.dir, file)
	o.admin(append([]string{"export", "images", "--trusted-root", o.root, "--single", file}, args...)...)
	return file
}

// digestAt returns the digest of the manifest that skopeo gets for a name.
func digestAt(t *testing.T, ref string) string {
	t.Helper()
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(skopeo(t, "inspect", "--raw", "--tls-verify=false", "docker://"+ref))))
}

// awaitDigest waits until skopeo gets an image for a name.
func awaitDigest(t *testing.T, ref, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = digestAt(t, ref); got == want {
			return
		}
	}
	t.Fatalf("%s is %s, want %s", ref, got, want)
}

// copied copies the part of an image for an architecture out of a registry.
func copied(t *testing.T, ref, arch string) {
	t.Helper()
	skopeo(t, "copy", "--override-arch", arch, "--src-tls-verify=false", "docker://"+ref, "dir:"+t.TempDir())
}

// TestImages carries images that belong to no charm from a registry to skopeo, as increments. A tag moves, and is taken back.
func TestImages(t *testing.T) {
	t.Parallel()
	h, o := newImageHost(t)
	first := h.put("apps/app", "1.2")
	pinned := h.put("apps/tool", "3")
	in := newInside(t, o)
	key := filepath.Join(o.dir, "ship.pem")
	o.write(key, []byte(in.proxy("audit", "key")))
	o.admin("receiver", "add", "ship-7", "--key", key)
	refs := []string{h.host + "/apps/app:1.2", h.host + "/apps/tool@" + pinned}
	week := func(n int) string {
		t.Helper()
		return o.exportImages(fmt.Sprintf("week%d.tar.gz", n), append([]string{"--for", "ship-7", "--assume-delivered", "--arch", "amd64", "--arch", "arm64"}, refs...)...)
	}
	one := week(1)
	o.admin("verify", "--trusted-root", o.root, one)
	lacks(t, one, "s3cret")
	in.push(one)
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	inside := addresses[1]
	awaitDigest(t, inside+"/apps/app:1.2", first)
	awaitDigest(t, inside+"/apps/tool@"+pinned, pinned)
	for _, arch := range []string{"amd64", "arm64"} {
		copied(t, inside+"/apps/app:1.2", arch)
		copied(t, inside+"/apps/tool@"+pinned, arch)
	}
	if out := skopeo(t, "list-tags", "--tls-verify=false", "docker://"+inside+"/apps/app"); !strings.Contains(out, `"1.2"`) {
		t.Errorf("list-tags says %s", out)
	}

	second := h.put("apps/app", "1.2")
	two := week(2)
	if out := o.admin("inspect", two); !strings.Contains(out, "left out") {
		t.Errorf("inspect of the second week says:\n%s", out)
	}
	in.push(two)
	awaitDigest(t, inside+"/apps/app:1.2", second)
	awaitDigest(t, inside+"/apps/app@"+first, first)
	in.push(one) // an older bundle moves no tag
	time.Sleep(time.Second)
	awaitDigest(t, inside+"/apps/app:1.2", second)

	in.proxy("rollback", "--yes")
	awaitDigest(t, inside+"/apps/app:1.2", first)
	copied(t, inside+"/apps/app:1.2", "amd64")
	in.proxy("check")
}

// TestImageOfCharm pushes an image into the repository of a charm's image, which is refused as a whole.
func TestImageOfCharm(t *testing.T) {
	t.Parallel()
	h, o := newImageHost(t)
	s, url, _ := newImageHub(t)
	charms := newCharmOutside(t, s, url)
	list := filepath.Join(charms.dir, "charms.yaml")
	charms.write(list, []byte("applications:\n  db: {charm: postgresql-k8s, channel: 14/stable, resources: {postgresql-image: 'apps/app:charm'}}\n"))
	in := newInside(t, charms)
	in.proxy("push-charms", charms.exportCharms("charms", list))
	in.proxy("trust", "add", o.key)
	d := h.put("apps/app", "1.2")
	h.put("apps/other", "1")
	out := in.fails("push-snap", o.exportImages("both.tar.gz", h.host+"/apps/app:1.2", h.host+"/apps/other:1"))
	if !strings.Contains(out, "repository apps/app: it has an image of the charm postgresql-k8s") || !strings.Contains(out, "--as NAME") {
		t.Errorf("the push says:\n%s", out)
	}
	in.push(o.exportImages("renamed.tar.gz", h.host+"/apps/app:1.2", "--as", "mirror/app"))
	addresses, _ := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
	awaitDigest(t, addresses[1]+"/mirror/app:1.2", d)
	if out := skopeo(t, "list-tags", "--tls-verify=false", "docker://"+addresses[1]+"/apps/app"); !strings.Contains(out, `"charm"`) || strings.Contains(out, "1.2") {
		t.Errorf("list-tags says %s", out)
	}
}
