//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"

	"offlinestore/internal/freeport"
)

// serveImages starts a store with its registry, and returns the URL of the registry.
func (b *bench) serveImages(data string) (stop func(), url string, err error) {
	addr, err := freeport.Address()
	if err != nil {
		return nil, "", err
	}
	if _, err := b.proxy(data, "config", "proxy.airgap=true"); err != nil {
		return nil, "", err
	}
	stop, _, err = b.start(filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--registry-listen", addr, "--log-level", "error")
	return stop, "http://" + addr, err
}

// dockerRegistry starts Debian's docker-registry on a folder, without access control.
func (b *bench) dockerRegistry(dir string) (stop func(), addr string, err error) {
	if addr, err = freeport.Address(); err != nil {
		return nil, "", err
	}
	conf := b.path("docker-registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: %s\n", dir, addr)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, "", err
	}
	c := exec.CommandContext(b.ctx, "docker-registry", "serve", conf) // its log records requests as errors
	if err := c.Start(); err != nil {
		return nil, "", err
	}
	waitFor(addr)
	return func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
	}, addr, nil
}

func (b *bench) skopeo(from, to string) error {
	args := []string{"copy", "--quiet", "--insecure-policy"}
	if strings.HasPrefix(from, "docker:") {
		args = append(args, "--src-tls-verify=false")
	}
	if strings.HasPrefix(to, "docker:") {
		args = append(args, "--dest-tls-verify=false")
	}
	_, err := b.execute(exec.CommandContext(b.ctx, "skopeo", append(args, from, to)...))
	return err
}

// cranePull does the work of crane pull --format=oci with crane's own code.
func cranePull(ref, dir string) error {
	img, err := crane.Pull(ref)
	if err != nil {
		return err
	}
	return crane.SaveOCI(img, dir)
}
