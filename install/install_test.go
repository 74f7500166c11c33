package install_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/install"
)

func at() time.Time { return time.Date(2026, 11, 20, 10, 15, 0, 5, time.UTC) }

// files returns packed files between unpacked ones.
func files(t *testing.T) []install.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jq")
	if err := os.WriteFile(path, bytes.Repeat([]byte("hsqs"), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	return []install.File{
		{Name: "settings.yaml", Mode: 0o600, Content: []byte("a: b\n")},
		{Name: "bundles/jq.tar.gz", Mode: 0o644, Path: path, Packed: true},
		{Name: "bin/snap-store-proxy", Mode: 0o755, Content: bytes.Repeat([]byte("elf"), 100_000)},
	}
}

func write(t *testing.T, files []install.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := install.Write(&b, files, at()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWrite(t *testing.T) {
	t.Parallel()
	archive := write(t, files(t))
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(at().Truncate(time.Second)) {
			t.Errorf("%s: owner %d %q or time %v would differ between hosts", h.Name, h.Uid, h.Uname, h.ModTime)
		}
		got = append(got, strconv.FormatInt(h.Mode, 8)+" "+strings.TrimPrefix(h.Name, "offline-snap-store/"))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"755 ", "755 bin/", "755 bin/snap-store-proxy", "755 install.sh", "755 monitoring/", "644 monitoring/alerts.yaml", "644 monitoring/grafana.json", "600 settings.yaml", "755 systemd/", "644 systemd/snap-store-proxy-ready.path",
		"644 systemd/snap-store-proxy-ready.service", "644 systemd/snap-store-proxy.service", "755 uninstall.sh", "755 bundles/", "644 bundles/jq.tar.gz"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if len(archive) < 200_000 || len(archive) > 250_000 {
		t.Errorf("%d bytes: want what is packed as it is, and the rest compressed", len(archive))
	}
}

func TestWriteIsReproducible(t *testing.T) {
	t.Parallel()
	all := files(t)
	first := write(t, all)
	all[0], all[2] = all[2], all[0]
	if !bytes.Equal(write(t, all), first) {
		t.Error("the same files in another order make other bytes")
	}
}

func TestTarReadsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command("tar", "xzf", "-", "-C", dir)
	cmd.Stdin = bytes.NewReader(write(t, files(t)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, install.Folder, "bundles", "jq.tar.gz"))
	if err != nil || info.Size() != 200_000 {
		t.Errorf("the bundle that comes after all others: %v, %v", info, err)
	}
}

func TestRefusedNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../b", "a//b", "a b", "-rf", ".hidden", "a;b", "a\nb", strings.Repeat("a", 300), "install.sh"} {
		err := install.Write(io.Discard, []install.File{{Name: name}}, at())
		if !errors.Is(err, install.ErrName) {
			t.Errorf("%q: %v, want %v", name, err, install.ErrName)
		}
	}
	if err := install.Write(io.Discard, []install.File{{Name: "a", Path: t.TempDir()}}, at()); err == nil {
		t.Error("a folder in the place of a file was taken")
	}
}

// tool skips the test if a program is missing, but not in CI.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestScriptIsPOSIX parses the scripts with a shell that knows only POSIX, and lints them if shellcheck is installed.
func TestScriptIsPOSIX(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"files/install.sh", "files/uninstall.sh"} {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("sh -n: %v: %s", err, out)
		}
		if path, err := exec.LookPath("shellcheck"); err == nil {
			if out, err := exec.Command(path, "-s", "sh", script).CombinedOutput(); err != nil {
				t.Errorf("shellcheck: %v:\n%s", err, out)
			}
		}
	}
}

// TestUnitsAreHardened checks that systemd rates the exposure of the units below 3.0 of 10.
func TestUnitsAreHardened(t *testing.T) {
	t.Parallel()
	tool(t, "systemd-analyze")
	exposure := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range []string{"snap-store-proxy.service", "snap-store-proxy-ready.service"} {
		out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", "files/"+unit).CombinedOutput()
		m := exposure.FindSubmatch(out)
		if err != nil || m == nil {
			t.Errorf("%s: %v: %s", unit, err, out)
			continue
		}
		if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level >= 3 {
			t.Errorf("%s: exposure %s, want less than 3.0", unit, m[1])
		}
	}
}
