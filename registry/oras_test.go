package registry_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/registry"
)

// oras finds oras, or builds it, once for this user.
func oras(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("oras"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	must(t, err)
	bin := filepath.Join(cache, "offlinestore-test", "bin")
	path := filepath.Join(bin, "oras")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if testing.Short() {
		t.Skip("builds oras; CI runs it")
	}
	cmd := exec.CommandContext(t.Context(), "go", "install", "oras.land/oras/cmd/oras@v1.2.0")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("%v\n%s", err, out)
	}
	return path
}

// TestOras discovers the referrers of an image with oras, and pulls one of them.
func TestOras(t *testing.T) {
	t.Parallel()
	tool := oras(t)
	s := newSignedSite(t)
	repository := s.serve(registry.Config{}) + "/charm/db"
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		var problems strings.Builder
		cmd.Stderr = &problems
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("oras %q: %v\n%s%s", args, err, out, problems.String())
		}
		return string(out)
	}
	var found struct {
		Manifests []struct{ Digest, ArtifactType string }
	}
	must(t, json.Unmarshal([]byte(run("discover", "--plain-http", "--format", "json", repository+"@"+s.image.String())), &found))
	var got []string
	for _, m := range found.Manifests {
		got = append(got, m.Digest)
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values([]string{s.signature.String(), s.parts.String()})); !slices.Equal(got, want) {
		t.Errorf("oras discovers %q, want %q", got, want)
	}
	found.Manifests = nil
	must(t, json.Unmarshal([]byte(run("discover", "--plain-http", "--format", "json", "--artifact-type", "application/spdx+json", repository+"@"+s.image.String())), &found))
	if len(found.Manifests) != 1 || found.Manifests[0].Digest != s.parts.String() {
		t.Errorf("oras discovers %+v of one type, want %s", found.Manifests, s.parts)
	}
	if tree := run("discover", "--plain-http", "--format", "tree", repository+"@"+s.image.String()); !strings.Contains(tree, s.of.String()) {
		t.Errorf("the tree lacks the signature of the signature:\n%s", tree)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	run("copy", "--from-plain-http", "--recursive", "--to-oci-layout", repository+"@"+s.image.String(), layout+":copy")
	for _, d := range []string{s.image.Encoded(), s.signature.Encoded(), s.of.Encoded(), s.parts.Encoded()} {
		if _, err := os.Stat(filepath.Join(layout, "blobs", "sha256", d)); err != nil {
			t.Errorf("oras copy: %v", err)
		}
	}
	run("pull", "--plain-http", "--output", t.TempDir(), repository+"@"+s.signature.String())
}
