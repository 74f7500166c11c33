//go:build linux || darwin

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// charms tells the part of the story that is about Juju.
func (g *tour) charms(root string) error {
	g.say("Outside again, for Juju: a charm bundle, with its charms, their resources and the container images behind them.\nThe images come out of a registry that wants a password, which is in Charmhub's answers and stays outside.")
	if err := g.run("store-admin", "export", "bundle", "cos-lite", "--export-dir", g.path("disk"),
		"--cache-dir", g.path("outside/cache"), "--trusted-root", root); err != nil {
		return err
	}
	g.say("Inside, the same key vouches for it, and the same store takes it.")
	if err := g.run("snap-store-proxy", "push-charm-bundle", g.bundle("cos-lite")); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "check"); err != nil {
		return err
	}
	g.say("The server is a Charmhub as well, and a registry on a port of its own.")
	urls, stop, err := g.serve("--registry-listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer stop()
	g.say("What 'juju deploy cos-lite' asks for: the bundle and its charms, at first without knowing on which base,\nthen the archives and resources.")
	j := &juju{g: g, url: urls[0]}
	image := j.deploy()
	if j.err != nil {
		return fmt.Errorf("juju's requests: %w", j.err)
	}
	g.say("And what a node of the cluster does then: it pulls the image that the resource names, by its digest.")
	return g.pull(image)
}

// pull downloads an image with skopeo or, without skopeo, request by request.
func (g *tour) pull(image string) error {
	if path, err := exec.LookPath("skopeo"); err == nil {
		fmt.Printf("\n$ skopeo copy --all --quiet docker://%s dir:image\n", image)
		if out, err := g.command(path, "--insecure-policy", "copy", "--all", "--quiet", "--src-tls-verify=false", "docker://"+image, "dir:"+g.path("device/image")).CombinedOutput(); err != nil {
			return fmt.Errorf("skopeo: %w: %s", err, out)
		}
		files, err := os.ReadDir(g.path("device/image"))
		fmt.Printf("Pulled, with all of its platforms, into %d files.\n", len(files))
		return err
	}
	name, dg, _ := strings.Cut(image, "@")
	host, repository, _ := strings.Cut(name, "/")
	return g.pullManifest("http://"+host+"/v2/"+repository, dg)
}

func (g *tour) pullManifest(url, dg string) error {
	raw, err := g.fetch(url+"/manifests/"+dg, dg)
	if err != nil {
		return err
	}
	type descriptor struct{ Digest string }
	var m struct {
		Config            descriptor
		Layers, Manifests []descriptor
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("manifest %s: %w", dg, err)
	}
	for _, child := range m.Manifests {
		if err := g.pullManifest(url, child.Digest); err != nil {
			return err
		}
	}
	if m.Config.Digest == "" {
		return nil
	}
	for _, blob := range append(m.Layers, m.Config) {
		if _, err := g.fetch(url+"/blobs/"+blob.Digest, blob.Digest); err != nil {
			return err
		}
	}
	return nil
}

// fetch downloads content by its digest.
func (g *tour) fetch(url, dg string) ([]byte, error) {
	req, err := http.NewRequestWithContext(g.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "+
		"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*")
	body, err := answer(req)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(body); "sha256:"+hex.EncodeToString(sum[:]) != dg {
		return nil, fmt.Errorf("GET %s: sha256:%x", url, sum)
	}
	fmt.Printf("GET %s\n    %d bytes, as their digest has it\n", url[strings.Index(url, "/v2/"):], len(body))
	return body, nil
}

func answer(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || resp.ContentLength >= 0 && resp.ContentLength != int64(len(body)) {
		return nil, fmt.Errorf("%s %s: %s, %d bytes", req.Method, req.URL, resp.Status, len(body))
	}
	return body, nil
}
