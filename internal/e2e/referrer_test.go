//go:build linux

package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestSignaturesAcrossTheGap signs an image after a first export. The next one carries the signatures into the store, which lists them for
// the image.
func TestSignaturesAcrossTheGap(t *testing.T) {
	t.Parallel()
	s, url, registry := newImageHub(t)
	o := newCharmOutside(t, s, url)
	list := filepath.Join(o.dir, "charms.yaml")
	o.write(list, []byte("applications:\n  db: {charm: postgresql-k8s, channel: 14/stable}\n"))
	in := newInside(t, o)
	in.proxy("push-charms", o.exportCharms("charms", list))
	serve := func() (host, repository, digest string, stop func()) {
		addresses, stop := in.serveOn(2, "--registry-listen", "127.0.0.1:0")
		images := juju{t, "http://" + addresses[0]}.deploy("postgresql-k8s", "14/stable", "amd64")
		if len(images) != 1 {
			t.Fatalf("%d images, want one", len(images))
		}
		repository, digest, _ = strings.Cut(path(images[0].ref), "@")
		return "http://" + addresses[1] + "/v2/" + repository, repository, digest, stop
	}
	host, repository, digest, stop := serve()
	var before ocispec.Index
	if get(t, host+"/referrers/"+digest, &before); len(before.Manifests) != 0 {
		t.Errorf("before it is signed, %+v refer to the image", before.Manifests)
	}
	stop()

	const kind = "application/vnd.example.signature"
	signature, err := registry.AddReferrer(repository, kind, digest, []byte("a signature"))
	if err != nil {
		t.Fatal(err)
	}
	byTag, err := registry.AddReferrer(repository, "application/vnd.example.simple", "", []byte("a signature by a tag"))
	if err != nil {
		t.Fatal(err)
	}
	tag := strings.Replace(digest, ":", "-", 1) + ".sig"
	if err := registry.Tag(repository, tag, byTag); err != nil {
		t.Fatal(err)
	}
	in.proxy("push-charms", o.exportCharms("charms", list))
	host, _, _, _ = serve()
	var after ocispec.Index
	get(t, host+"/referrers/"+digest, &after)
	if len(after.Manifests) != 1 || after.Manifests[0].Digest.String() != signature || after.Manifests[0].ArtifactType != kind {
		t.Errorf("%+v refer to the image, want %s of the type %s", after.Manifests, signature, kind)
	}
	for ref, want := range map[string]string{signature: "a signature", tag: "a signature by a tag"} {
		var m ocispec.Manifest
		get(t, host+"/manifests/"+ref, &m)
		if len(m.Layers) != 1 {
			t.Errorf("%s has %d layers, want one", ref, len(m.Layers))
			continue
		}
		if got := readAll(t, host+"/blobs/"+m.Layers[0].Digest.String()); got != want {
			t.Errorf("%s holds %q, want %q", ref, got, want)
		}
	}
}
