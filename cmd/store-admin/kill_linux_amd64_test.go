package main

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/killtest"
	"offlinestore/internal/upstreamtest"
)

// desk is the folder of somebody who exports, with a simulated store.
type desk struct {
	t   *testing.T
	dir string
	env []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{Payload: 4096})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	d := (&desk{t: t, env: append(os.Environ(), "STORE_ADMIN_SNAP_STORE_URL="+srv.URL, "STORE_ADMIN_CHARMHUB_URL="+srv.URL, "SOURCE_DATE_EPOCH=1794819600")}).in(t.TempDir())
	files, err := registerFiles(s.Stack)
	if err != nil {
		t.Fatal(err)
	}
	files["bin/store-admin"], files["bin/snap-store-proxy"] = elfOf("amd64"), elfOf("amd64")
	files["wanted.yaml"] = []byte("dependencies: false\nsnaps: [jq]\n")
	for _, folder := range []string{"bin", "out"} {
		if err := os.Mkdir(filepath.Join(d.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.mustRun("key", "generate") // the same key signs in all copies
	d.mustRun("lock", "--trusted-root", "root.assert", "--cache-dir", "other")
	d.mustRun("receiver", "add", "ship-7")
	d.mustRun("export", "snaps", "jq", "--no-deps", "--trusted-root", "root.assert", "--single", "jq.tar", "--compression", "none", "--cache-dir", "jq.cache")
	return d
}

// in returns a desk with the same store in another folder.
func (d *desk) in(dir string) *desk {
	env := append(d.env[:len(d.env):len(d.env)], "STORE_ADMIN_CONFIG_DIR="+filepath.Join(dir, "config"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	return &desk{d.t, dir, env}
}

// copied returns a copy of the desk for a test.
func (d *desk) copied(t *testing.T) *desk {
	t.Helper()
	c := d.in(t.TempDir())
	c.t = t
	if out, err := exec.Command("cp", "-a", d.dir+"/.", c.dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the folder: %v: %s", err, out)
	}
	return c
}

func (d *desk) command(args ...string) *exec.Cmd {
	cmd := exec.Command("store-admin", args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	return cmd
}

func (d *desk) mustRun(args ...string) {
	d.t.Helper()
	if out, err := d.command(args...).CombinedOutput(); err != nil {
		d.t.Fatalf("store-admin %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// finish runs a killed command again, unless it had written its result already and only had to end.
func (d *desk) finish(out string, want map[string][]byte, args ...string) {
	d.t.Helper()
	text, err := d.command(args...).CombinedOutput()
	isDone := strings.Contains(string(text), "exists already") && maps.EqualFunc(d.files(out), want, bytes.Equal)
	if err != nil && !isDone {
		d.t.Errorf("store-admin %s: %v: %s", strings.Join(args, " "), err, text)
	}
}

// noted reports whether the ledger of a receiver has a bundle.
func (d *desk) noted() bool {
	return len(d.files("config/receivers/ship-7")["ledger.jsonl"]) > 0
}

// files returns the files below a folder, by their names there. A folder that does not exist has none.
func (d *desk) files(folder string) map[string][]byte {
	d.t.Helper()
	files := make(map[string][]byte)
	root := os.DirFS(filepath.Join(d.dir, folder))
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files[path], err = fs.ReadFile(root, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	return files
}

// TestKillAtEachRename kills commands before each change of a name. The same command completes the work: its files are the ones that a
// command which nobody kills leaves, byte by byte, and nothing else remains.
func TestKillAtEachRename(t *testing.T) {
	t.Parallel()
	first := newDesk(t)
	for name, c := range map[string]struct {
		line string
		out  string // the folder of the result
	}{
		"archive":   {"export snaps jq --no-deps --trusted-root root.assert --export-dir out", "out"},
		"file":      {"export snaps jq --no-deps --trusted-root root.assert --single out/jq.tar.gz", "out"},
		"parts":     {"export snaps jq --no-deps --trusted-root root.assert --single out/jq.tar --compression none --part-size 42k", "out"},
		"layout":    {"export snaps jq --no-deps --trusted-root root.assert --output-dir out", "out"},
		"wanted":    {"export wanted.yaml --trusted-root root.assert --single out/all.tar.gz", "out"},
		"lock":      {"lock wanted.yaml --trusted-root root.assert --output out/wanted.lock", "out"},
		"locked":    {"export wanted.yaml --locked --trusted-root root.assert --single out/locked.tar.gz", "out"},
		"files":     {"export snaps jq --no-deps --trusted-root root.assert --output-dir out --layout files", "out"},
		"repacked":  {"repack jq.tar out --layout files", "out"},
		"relaid":    {"repack jq.tar out --layout oci", "out"},
		"increment": {"export snaps jq --no-deps --trusted-root root.assert --for ship-7 --single out/jq.tar.gz", "out"},
		"installer": {"register --offline " + registeredURL + " --trusted-root root.assert --yes --store-assertion proxy.assert --programs bin --arch amd64 --output out/installer.tar.gz", "out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := first.copied(t)
			whole.mustRun(strings.Fields(c.line)...)
			want := whole.files(c.out)
			cache := whole.files("cache")
			n := 0
			for killed := true; killed; n++ {
				if testing.Short() && n%22 != 1 && n > 2 {
					continue
				}
				d := first.copied(t)
				if killed = killtest.AtRename(t, d.command(strings.Fields(c.line)...), n); killed {
					if d.noted() && !maps.EqualFunc(d.files(c.out), want, bytes.Equal) {
						t.Errorf("killed at change %d: the ledger has a bundle whose file is not complete", n)
					}
					d.finish(c.out, want, strings.Fields(c.line)...)
				}
				same(t, n, d.files(c.out), want)
				same(t, n, d.files("cache"), cache)
			}
			if n < 3 { // an installer has two changes, the others have dozens
				t.Errorf("ended before change %d", n)
			}
		})
	}
}

// same reports files that differ.
func same(t *testing.T, n int, got, want map[string][]byte) {
	t.Helper()
	for name := range got {
		if want[name] == nil {
			t.Errorf("killed at change %d, and run again: %s is left", n, name)
		}
	}
	for name, text := range want {
		if !bytes.Equal(got[name], text) {
			t.Errorf("killed at change %d, and run again: %s has %d bytes, want %d others", n, name, len(got[name]), len(text))
		}
	}
}
