package install_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"offlinestore/install"
)

// fakeProgram stands for both programs: it keeps settings as files, and logs its arguments.
const fakeProgram = `#!/bin/sh
state=$(dirname "$0")/../state
mkdir -p "$state"
if [ "$1" = --data-dir ]; then mkdir -p "$2"; data=$2; shift 2; fi
if [ "$1" = --quiet ]; then shift; fi
echo "$*" >>"$state/log"
case "$1 ${2-}" in
"--version ") echo "fake version 1" ;;
"config --import-yaml") sed -n 's/^\(.*\): "\(.*\)"$/\1 \2/p' | while read -r key value; do echo "$value" >"$state/$key"; done ;;
"config --import-store-assertion") cp "$3" "$data/store.assert" ;;
"config "*) cat "$state/$2" 2>/dev/null || echo ;;
esac
`

// host is a directory tree that the script installs into.
type host struct {
	t         *testing.T
	dir, root string
	env       []string // of uninstall.sh; nil is the test's
}

func newHost(t *testing.T, changes ...install.File) *host {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the script is for Linux")
	}
	arch := map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "ppc64le": "ppc64el"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	all := []install.File{
		{Name: "bin/snap-store-proxy", Mode: 0o755, Content: []byte(fakeProgram)}, {Name: "bin/store-admin", Mode: 0o755, Content: []byte(fakeProgram)},
		{Name: "arch", Mode: 0o644, Content: []byte(arch + "\n")}, {Name: "proxy.assert", Mode: 0o644, Content: []byte("type: store\n")},
		{Name: "settings.yaml", Mode: 0o644, Content: []byte("internal.store.id: \"store1\"\ninternal.store.url: \"https://snaps\"\n")},
		{Name: "trust/exporter.pem", Mode: 0o644, Content: []byte("key\n")}, {Name: "bundles/jq.tar.gz", Mode: 0o644, Content: []byte("jq"), Packed: true},
	}
	for _, c := range changes {
		for i := range all {
			if all[i].Name == c.Name {
				all[i] = c
			}
		}
	}
	h := &host{t: t, dir: t.TempDir()}
	h.root = filepath.Join(h.dir, "a root")
	var b bytes.Buffer
	if err := install.Write(&b, all, at()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tar", "xzf", "-", "-C", h.dir)
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	return h
}

// install runs the script from another folder than its own.
func (h *host) install(args ...string) (out string, ok bool) {
	h.t.Helper()
	cmd := exec.Command(filepath.Join(h.dir, install.Folder, "install.sh"), append([]string{"--root", h.root}, args...)...)
	cmd.Dir = "/"
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

func (h *host) read(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.root, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

func (h *host) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

const state = "opt/offlinestore/state/"

func TestInstallScript(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	out, ok := h.install()
	if !ok || !strings.Contains(out, "snap-store-proxy enable-airgap-mode") || !strings.Contains(out, "push-snap "+h.dir) {
		t.Fatalf("install.sh: %s", out)
	}
	if link, err := os.Readlink(filepath.Join(h.root, "usr/local/bin/enterprise-store")); err != nil || link != "/opt/offlinestore/bin/snap-store-proxy" {
		t.Errorf("the alias leads to %q (%v)", link, err)
	}
	h.read("etc/systemd/system/snap-store-proxy.service")
	log := h.read(state + "log")
	for _, want := range []string{"trust add trust/exporter.pem\n", "config --import-yaml\nconfig --import-store-assertion proxy.assert\n"} {
		if strings.Count(log, want) != 1 {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Contains(log, "push-snap") {
		t.Errorf("bundles were pushed before the store was set up:\n%s", log)
	}

	// The second run upgrades a store that is set up and has another port by now.
	if !strings.Contains(out, "snap-store-proxy import-certificate") {
		t.Errorf("a store registered for https is not asked for a certificate:\n%s", out)
	}
	h.write(state+"proxy.airgap", "true\n")
	h.write(state+"proxy.tls.cert", "PEM\n")
	h.write(state+"log", "")
	if out, ok := h.install(); !ok || strings.Contains(out, "What is left to do:\n- Make") || strings.Contains(out, "import-certificate") {
		t.Fatalf("install.sh: %s", out)
	}
	log = h.read(state + "log")
	if strings.Contains(log, "--import-") || !strings.Contains(log, "push-snap bundles/jq.tar.gz\n") && !strings.Contains(h.hint(), "PostgreSQL") {
		t.Errorf("the second installation did:\n%s", log)
	}
}

// hint returns the first line of the output, which tells that PostgreSQL is missing. Then the script pushes nothing.
func (h *host) hint() string {
	h.t.Helper()
	out, _ := h.install()
	first, _, _ := strings.Cut(out, "\n")
	return first
}

// TestInstallScriptKeepsTheStore runs the installer of another store, and one with a newer assertion.
func TestInstallScriptKeepsTheStore(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.write("var/lib/snap-store-proxy/store.assert", "of store2")
	h.write(state+"internal.store.id", "store2\n")
	h.write(state+"internal.store.url", "https://other\n")
	out, ok := h.install()
	if !ok || !strings.Contains(out, "This store is store2 at https://other and stays so.") || h.read("var/lib/snap-store-proxy/store.assert") != "of store2" {
		t.Errorf("install.sh: %s", out)
	}
	h.write(state+"internal.store.id", "store1\n")
	h.write(state+"internal.store.url", "https://snaps\n")
	if out, ok := h.install(); !ok || h.read("var/lib/snap-store-proxy/store.assert") != "type: store\n" {
		t.Errorf("a newer assertion of the same store was not taken: %s", out)
	}
}

func TestInstallScriptPushesIfTold(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.install()
	h.write(state+"proxy.db.connection", "postgresql://db/store\n")
	if out, ok := h.install("--push"); !ok || !strings.Contains(h.read(state+"log"), "push-snap bundles/jq.tar.gz\n") || strings.Contains(out, "PostgreSQL") {
		t.Errorf("install.sh --push: %s", out)
	}
}

func TestInstallScriptRefuses(t *testing.T) {
	t.Parallel()
	other := newHost(t, install.File{Name: "arch", Mode: 0o644, Content: []byte("vax\n")})
	taken := newHost(t)
	taken.write("usr/local/bin/snap-proxy", "of somebody else")
	for what, c := range map[string]struct {
		h    *host
		args []string
		want string
	}{
		"another architecture": {other, nil, "the programs are for vax"},
		"a program in the way": {taken, nil, "/usr/local/bin/snap-proxy is there already"},
		"an unknown option":    {newHost(t), []string{"--frobnicate"}, "Usage: ./install.sh"},
		"no folder":            {newHost(t), []string{"--root"}, "which folder?"},
	} {
		if out, ok := c.h.install(c.args...); ok || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, %s", what, ok, out)
		}
		if _, err := os.Stat(filepath.Join(c.h.root, "opt")); err == nil {
			t.Errorf("%s: something was installed", what)
		}
	}
}

// TestInstallScriptOfACarefulRoot checks that the service's user can read files that a root with a strict umask installs.
func TestInstallScriptOfACarefulRoot(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	cmd := exec.Command("sh", "-c", `umask 077; exec "$0" --root "$1"`, filepath.Join(h.dir, install.Folder, "install.sh"), h.root)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install.sh: %v: %s", err, out)
	}
	for _, name := range []string{"opt", "opt/offlinestore/bin", "opt/offlinestore/bin/snap-store-proxy", "usr/local/bin", "usr/local/share/man/man1"} {
		info, err := os.Stat(filepath.Join(h.root, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o055 != 0o055 {
			t.Errorf("%s has mode %v, which keeps others out", name, info.Mode())
		}
	}
}

// TestInstallScriptWithTheStoreKey runs an installer that holds a secret.
func TestInstallScriptWithTheStoreKey(t *testing.T) {
	t.Parallel()
	h := newHost(t, install.File{Name: "settings.yaml", Mode: 0o600, Content: []byte("internal.store.id: \"store1\"\nproxy.key.private: \"secret\"\n")})
	if out, ok := h.install(); !ok || !strings.Contains(out, "- Delete this folder and its archive") || strings.Contains(out, "secret\n") {
		t.Errorf("install.sh: %s", out)
	}
	if out, ok := newHost(t).install(); !ok || strings.Contains(out, "- Delete this folder") {
		t.Errorf("install.sh without the key: %s", out)
	}
}

// TestInstallScriptInAFolderOfOthers checks that the script installs nothing from a folder that anybody could change meanwhile.
func TestInstallScriptInAFolderOfOthers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "bin", "bin/snap-store-proxy", ".."} {
		for _, refused := range []struct {
			mode  os.FileMode
			owner int
			group int
			want  string
		}{
			{0o777, -1, -1, "can be written to by anybody"},
			{0o775, -1, 7, "can be written to by group 7"},
			{0o755, 7, -1, "belongs to user 7"},
		} {
			h := newHost(t)
			path := filepath.Join(h.dir, install.Folder, name)
			if refused.owner+refused.group > -2 && os.Geteuid() != 0 {
				continue
			}
			if err := errors.Join(os.Chown(path, refused.owner, refused.group), os.Chmod(path, refused.mode)); err != nil {
				t.Fatal(err)
			}
			if out, ok := h.install(); ok || !strings.Contains(out, filepath.Clean(path)+" "+refused.want) {
				t.Errorf("install.sh where %s has mode %o: %s", path, refused.mode, out)
			}
			if _, err := os.Stat(filepath.Join(h.root, "opt")); err == nil {
				t.Errorf("%s was installed all the same", path)
			}
		}
	}
	h := newHost(t)
	if err := os.Chmod(h.dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if out, ok := h.install(); !ok {
		t.Errorf("install.sh in a folder like /tmp: %s", out)
	}
}
