package install_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// uninstall runs the script where install.sh has put it.
func (h *host) uninstall(args ...string) (out string, ok bool) {
	h.t.Helper()
	cmd := exec.Command(filepath.Join(h.root, "opt/offlinestore/uninstall.sh"), append([]string{"--root", h.root}, args...)...)
	cmd.Dir, cmd.Env = "/", h.env
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// files returns the paths of all files and links below the root, but for the ones of the fake program.
func (h *host) files() string {
	h.t.Helper()
	var list []string
	err := filepath.WalkDir(h.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(h.root, path)
		list = append(list, name)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// TestUninstall checks that the data and what belongs to others stay, that --purge deletes the data and nothing without being asked, and that a
// second run does no harm.
func TestUninstall(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	if out, ok := h.install(); !ok {
		t.Fatalf("install.sh: %s", out)
	}
	h.read("opt/offlinestore/monitoring/alerts.yaml")
	h.write("usr/local/share/man/man1/snap-store-proxy-push-snap.1", "page")
	h.write("usr/local/share/man/man1/snap.1", "other page")
	h.write("var/lib/snap-store-proxy/blobs/a", "blob")
	h.write("etc/systemd/system/snap-store-proxy.service.d/override.conf", "mine")
	other := filepath.Join(h.root, "usr/local/bin/store-admin")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	h.write("usr/local/bin/store-admin", "the original's")
	if out, ok := h.uninstall("--purge"); ok || !strings.Contains(out, "give --yes") {
		t.Errorf("a purge that nobody can confirm: %s", out)
	}
	h.write("var/lib/snap-store-proxy/postgresql/data/PG_VERSION", "15")
	running := exec.Command("sleep", "600")
	running.Dir = filepath.Join(h.root, "var/lib/snap-store-proxy/postgresql/data")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Wait() })
	t.Cleanup(func() { running.Process.Kill() })
	h.write("var/lib/snap-store-proxy/postgresql/data/postmaster.pid", fmt.Sprintln(running.Process.Pid))
	if out, ok := h.uninstall(); ok || !strings.Contains(out, "still runs") {
		t.Errorf("with a running PostgreSQL: %s", out)
	}
	// After a power cut, another process has the number: this one.
	h.write("var/lib/snap-store-proxy/postgresql/data/postmaster.pid", fmt.Sprintln(os.Getpid()))
	if out, ok := h.uninstall(); !ok || !strings.Contains(out, "Its data stays in "+h.root) {
		t.Fatalf("uninstall.sh: %s", out)
	}
	if err := os.RemoveAll(filepath.Join(h.root, "var/lib/snap-store-proxy/postgresql")); err != nil {
		t.Fatal(err)
	}
	want := []string{"etc/systemd/system/snap-store-proxy.service.d/override.conf", "usr/local/bin/store-admin", "usr/local/share/man/man1/snap.1",
		"var/lib/snap-store-proxy/blobs/a", "var/lib/snap-store-proxy/store.assert"}
	kept := h.files()
	for line := range strings.Lines(kept) {
		// Completions of the other store-admin stay, too.
		if line = strings.TrimSpace(line); !strings.Contains(line, "completion") && !strings.Contains(line, "site-functions") && !strings.Contains(strings.Join(want, "\n"), line) {
			t.Errorf("%s is left", line)
		}
	}
	for _, name := range want {
		if !strings.Contains(kept, name) {
			t.Errorf("%s is gone", name)
		}
	}
	if out, ok := h.install(); ok || !strings.Contains(out, "is not of this store") {
		t.Errorf("install.sh over the other store-admin: %s", out)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if out, ok := h.install(); !ok {
		t.Fatalf("install.sh again: %s", out)
	}
	h.write("var/lib/snap-store-proxy/.hidden", "x")
	if out, ok := h.uninstall("--purge", "--yes"); !ok || !strings.Contains(out, "its data are gone") {
		t.Fatalf("uninstall.sh --purge: %s", out)
	}
	if left := h.files(); left != "usr/local/share/man/man1/snap.1" {
		t.Errorf("left after the purge:\n%s", left)
	}
}

// TestUninstallInContainer removes a store where nobody may read in which folders processes work.
func TestUninstallInContainer(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	if out, ok := h.install(); !ok {
		t.Fatalf("install.sh: %s", out)
	}
	readlink, err := exec.LookPath("readlink")
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir()
	script := "#!/bin/sh\ncase $* in */proc/*) exit 1 ;; esac\nexec " + readlink + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(tools, "readlink"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h.env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	pidFile := "var/lib/snap-store-proxy/postgresql/data/postmaster.pid"
	h.write(pidFile, fmt.Sprintln(os.Getpid()))
	if out, ok := h.uninstall(); ok || !strings.Contains(out, "still runs") {
		t.Errorf("with a process that may be PostgreSQL: %s", out)
	}
	h.write(pidFile, fmt.Sprintln(ended.Process.Pid))
	if out, ok := h.uninstall(); !ok {
		t.Errorf("without the process: %s", out)
	}
}
