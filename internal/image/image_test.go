//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestImage builds an image twice. The bytes are the same, skopeo takes it, and nothing in it needs root. With the real program, it runs there as the
// user of the image, without anything from outside.
func TestImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := &build{program: filepath.Join(dir, "program"), licence: "../../LICENSE", version: "1.2.3", arch: "amd64", created: time.Unix(1e9, 0).UTC()}
	if testing.Short() { // building it takes half a minute
		if err := os.WriteFile(b.program, []byte("program"), 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		c := exec.CommandContext(t.Context(), "go", "build", "-o", b.program, "../../cmd/snap-store-proxy")
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		run(t, c)
	}
	first, second := filepath.Join(dir, "a.tar"), filepath.Join(dir, "b.tar")
	for _, file := range []string{first, second} {
		if _, err := b.write(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, first), read(t, second)) {
		t.Error("two builds from the same program differ")
	}
	image := filepath.Join(dir, "image")
	policy := filepath.Join(dir, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, exec.CommandContext(t.Context(), "skopeo", "--policy", policy, "copy", "oci-archive:"+first, "dir:"+image))
	config := run(t, exec.CommandContext(t.Context(), "skopeo", "inspect", "--config", "--format", "{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Cmd}}", "oci-archive:"+first))
	if want := "65532:65532 [/usr/bin/snap-store-proxy --data-dir /var/lib/snap-store-proxy] [serve]"; strings.TrimSpace(config) != want {
		t.Errorf("config = %s, want %s", config, want)
	}
	root := filepath.Join(dir, "root")
	want := map[string]string{"etc/passwd": "-rw-r--r-- 0", "tmp/": "dtrwxrwxrwx 0", "usr/bin/snap-store-proxy": "-rwxr-xr-x 0", "var/lib/snap-store-proxy/": "drwx------ 65532"}
	if diff := cmp.Diff(want, b.unpack(t, root, want)); diff != "" {
		t.Errorf("files in the image (-want +got):\n%s", diff)
	}
	if os.Getuid() != 0 || testing.Short() {
		return
	}
	inside := exec.CommandContext(t.Context(), program, "--data-dir", dataDir, "config", "proxy.domain=store.internal")
	inside.Dir, inside.Env = "/", []string{}
	inside.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: userID, Gid: userID}}
	run(t, inside)
	if text := read(t, filepath.Join(root, dataDir, "settings.yaml")); !bytes.Contains(text, []byte("store.internal")) {
		t.Errorf("settings.yaml: %s", text)
	}
}

// unpack unpacks the layer into a folder, and returns the modes and owners of some of its files.
func (b *build) unpack(t *testing.T, root string, some map[string]string) map[string]string {
	t.Helper()
	layer, err := b.layer()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if some[h.Name] != "" {
			got[h.Name] = fmt.Sprintf("%v %d", h.FileInfo().Mode(), h.Uid)
		}
		path := filepath.Join(root, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.Mkdir(path, h.FileInfo().Mode())
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		default:
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, h.FileInfo().Mode())
			}
		}
		if err == nil && os.Getuid() == 0 {
			err = os.Lchown(path, h.Uid, h.Gid)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", c.Args, err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
