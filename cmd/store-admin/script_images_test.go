package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

// writeRegistryLogin writes the login of the registry as docker does, and sets REGISTRY to its host.
func writeRegistryLogin(ts *testscript.TestScript) error {
	dir := ts.MkAbs("docker")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(upstreamtest.DemoRegistryUser + ":" + upstreamtest.DemoRegistryPassword))
	ts.Setenv("DOCKER_CONFIG", dir)
	ts.Setenv("REGISTRY", storeOf(ts).host)
	return os.WriteFile(filepath.Join(dir, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, storeOf(ts).host, auth), 0o600)
}

// putImage gives a tag to an image for some architectures. For a single one, it has no index.
func putImage(u *simulation, repository, tag, seed string, archs []string) error {
	var children []string
	for _, arch := range archs {
		d, err := u.registry.AddImage(repository, upstreamtest.Image{Seed: seed, Arch: arch})
		if err != nil {
			return err
		}
		children = append(children, d)
	}
	root := children[0]
	if len(children) > 1 {
		var err error
		if root, err = u.registry.AddIndex(repository, false, children...); err != nil {
			return err
		}
	}
	return u.registry.Tag(repository, tag, root)
}

// substitute implements subst FILE…, which replaces $REGISTRY in files.
func substitute(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		text := strings.ReplaceAll(ts.ReadFile(file), "$REGISTRY", ts.Getenv("REGISTRY"))
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}
