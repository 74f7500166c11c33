package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// unavailable skips a test whose tool can't be installed. In CI, it fails the test.
func unavailable(t *testing.T, tool string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", tool, err)
	}
	t.Skipf("%s: %v", tool, err)
}

// skopeo finds skopeo, or installs Debian's.
func skopeo(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("skopeo"); err == nil {
		return path
	}
	args := []string{"apt-get", "install", "--yes", "--no-install-recommends", "skopeo"}
	if os.Getuid() != 0 {
		args = append([]string{"sudo", "--non-interactive"}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		unavailable(t, "apt-get install skopeo", errors.Join(err, errors.New(string(out))))
	}
	path, err := exec.LookPath("skopeo")
	if err != nil {
		unavailable(t, "skopeo", err)
	}
	return path
}

// regctl finds regctl, or builds it, once for this user.
func regctl(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("regctl"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		unavailable(t, "regctl", err)
	}
	bin := filepath.Join(cache, "offlinestore-test", "bin")
	path := filepath.Join(bin, "regctl")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.Command("go", "install", "github.com/regclient/regclient/cmd/regctl@v0.11.7")
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	cmd.Dir = t.TempDir() // outside this module
	if out, err := cmd.CombinedOutput(); err != nil {
		unavailable(t, "go install regctl", errors.Join(err, errors.New(string(out))))
	}
	return path
}

// run runs a tool in dir and returns its output.
func run(t *testing.T, dir, tool string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(tool), strings.Join(args, " "), err, &errs)
	}
	return out
}

// toolsDir returns a folder that holds a bundle in every form: jq.tar, jq.tar.gz, jq.tar.zst and the folder layout.
func toolsDir(t *testing.T) (string, *content) {
	t.Helper()
	c := sample(t)
	s := c.seal(t)
	dir := t.TempDir()
	for _, f := range framings {
		if err := os.WriteFile(filepath.Join(dir, "jq"+f.Extension()), c.pack(t, s, f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(unpack(t, c.pack(t, s, bundle.None)), filepath.Join(dir, "layout")); err != nil {
		t.Fatal(err)
	}
	return dir, c
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const wantItems = "core24_1196 jq_6 jq_10 core24 jq"

func TestSkopeo(t *testing.T) {
	t.Parallel()
	tool := skopeo(t)
	dir, c := toolsDir(t)
	for _, place := range []string{"oci-archive:jq.tar", "oci-archive:jq.tar.gz", "oci-archive:jq.tar.zst", "oci:layout"} {
		var index ociIndex
		if err := json.Unmarshal(run(t, dir, tool, "inspect", "--raw", place+":bundle"), &index); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range index.Manifests {
			names = append(names, d.Annotations["org.opencontainers.image.ref.name"])
		}
		if got := strings.Join(names, " "); got != wantItems {
			t.Errorf("%s: skopeo lists %s, want %s", place, got, wantItems)
		}
		copied := filepath.Join(t.TempDir(), "copy")
		run(t, dir, tool, "copy", place+":jq_6", "dir:"+copied)
		var m ociManifest
		if err := json.Unmarshal(readFile(t, copied, "manifest.json"), &m); err != nil {
			t.Fatal(err)
		}
		if title := m.Layers[1].Annotations["org.opencontainers.image.title"]; title != "jq_6.snap" {
			t.Errorf("%s: the second layer is %s", place, title)
		}
		got := readFile(t, copied, strings.TrimPrefix(m.Layers[1].Digest, "sha256:"))
		if !bytes.Equal(got, c.blobs[c.revisions[0].Blob.Digest]) {
			t.Errorf("%s: skopeo copied %d bytes that are not those of the snap", place, len(got))
		}
	}
}

func TestRegctl(t *testing.T) {
	t.Parallel()
	tool := regctl(t)
	dir, c := toolsDir(t)
	want := c.blobs[c.revisions[0].Blob.Digest]
	for _, f := range []bundle.Compression{bundle.None, bundle.Gzip} {
		file := "jq" + f.Extension()
		run(t, dir, tool, "image", "import", "--name", "jq_6", "ocidir://imported-"+string(f)+":jq_6", file)
		got := run(t, dir, tool, "artifact", "get", "ocidir://imported-"+string(f)+":jq_6", "--file-media-type", bundle.MediaSnapBlob)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: regctl imported %d bytes that are not those of the snap", file, len(got))
		}
	}
	tags := strings.Fields(string(run(t, dir, tool, "tag", "ls", "ocidir://layout")))
	if got, want := strings.Join(tags, " "), "bundle core24 core24_1196 jq jq_10 jq_6 signature"; got != want {
		t.Errorf("regctl lists %s, want %s", got, want)
	}
	copied := t.TempDir()
	run(t, dir, tool, "artifact", "get", "ocidir://layout:jq_6", "--output", copied)
	if got := readFile(t, copied, "jq_6.snap"); !bytes.Equal(got, want) {
		t.Errorf("regctl copied %d bytes that are not those of the snap", len(got))
	}
	run(t, dir, tool, "image", "copy", "ocidir://layout:jq_6", "ocidir://copy:jq_6")
	if got := readFile(t, dir, "copy", "blobs", "sha256", c.revisions[0].Blob.Digest.Encoded()); !bytes.Equal(got, want) {
		t.Errorf("regctl copied %d bytes that are not those of the snap", len(got))
	}
}

// charmsDir returns a folder that holds a bundle of charms in the same forms, and the name of the image for several platforms in
// it.
func charmsDir(t *testing.T) (dir, image string) {
	t.Helper()
	b := bundletest.New(t, 0).AddWholeCharm("pg", 9, 1000)
	b.AddMissingResource("pg", "policy")
	dir = t.TempDir()
	for _, f := range framings {
		b.WriteFile(filepath.Join(dir, "pg"+f.Extension()), f)
	}
	if err := os.Rename(unpack(t, b.Tar(bundle.None)), filepath.Join(dir, "layout")); err != nil {
		t.Fatal(err)
	}
	return dir, "image-" + b.Images[2].Digest.Encoded()
}

func TestSkopeoCharms(t *testing.T) {
	t.Parallel()
	tool := skopeo(t)
	dir, image := charmsDir(t)
	for i, place := range []string{"oci-archive:pg.tar", "oci-archive:pg.tar.gz", "oci-archive:pg.tar.zst", "oci:layout"} {
		out := fmt.Sprint("copy", i)
		// An image with all platforms, to the byte; for one platform; a charm; a resource without layers.
		run(t, dir, tool, "copy", "--all", place+":"+image, "oci:"+out+":all")
		run(t, dir, tool, "copy", "--override-os=linux", "--override-arch=arm64", place+":"+image, "oci:"+out+":arm64")
		run(t, dir, tool, "copy", place+":charm.pg_9", "oci:"+out+":charm")
		run(t, dir, tool, "copy", place+":charm.pg.policy_0", "oci:"+out+":policy")
		if raw := run(t, dir, tool, "inspect", "--raw", "oci:"+out+":all"); "image-"+sha(raw) != image {
			t.Errorf("%s: skopeo copied another image: %s", place, raw)
		}
		var config struct{ Architecture string }
		if err := json.Unmarshal(run(t, dir, tool, "inspect", "--config", "oci:"+out+":arm64"), &config); err != nil || config.Architecture != "arm64" {
			t.Errorf("%s: skopeo copied an image for %s: %v", place, config.Architecture, err)
		}
		var m ociManifest
		if err := json.Unmarshal(run(t, dir, tool, "inspect", "--raw", "oci:"+out+":charm"), &m); err != nil || m.Layers[0].Annotations["org.opencontainers.image.title"] != "pg_9.charm" {
			t.Errorf("%s: skopeo copied %+v: %v", place, m, err)
		}
	}
}

func TestRegctlCharms(t *testing.T) {
	t.Parallel()
	tool := regctl(t)
	dir, image := charmsDir(t)
	images := 0
	for _, tag := range strings.Fields(string(run(t, dir, tool, "tag", "ls", "ocidir://layout"))) {
		if strings.HasPrefix(tag, "image-") {
			images++
		}
		run(t, dir, tool, "image", "copy", "ocidir://layout:"+tag, "ocidir://copy:"+tag)
	}
	if images != 3 {
		t.Errorf("regctl lists %d images, want 3", images)
	}
	if got := strings.TrimSpace(string(run(t, dir, tool, "image", "digest", "ocidir://copy:"+image))); "image-"+strings.TrimPrefix(got, "sha256:") != image {
		t.Errorf("regctl copied %s, want %s", got, image)
	}
	if got := run(t, dir, tool, "artifact", "get", "ocidir://copy:charm.pg.data_9"); len(got) != 1000 {
		t.Errorf("regctl copied a resource of %d bytes, want 1000", len(got))
	}
}
