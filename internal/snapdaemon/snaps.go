//go:build linux

package snapdaemon

import (
	"os"
	"path/filepath"
	"testing"
)

// SnapdSnapID is the genuine snap-id of the snap snapd. The base-declaration compiled into the daemon names it, so the
// daemon accepts no other.
const SnapdSnapID = "PMrrV4ml8uWuEUDBT8dSGnKUYbevVhc4"

// MakeSnap writes a snap file into dir and returns its path. yaml is its meta/snap.yaml; files maps the other paths to
// their contents. The same input makes the same bytes.
func MakeSnap(tb testing.TB, dir, yaml string, files map[string]string) string {
	tb.Helper()
	tree := tb.TempDir()
	writeFile(tb, tree, "meta/snap.yaml", yaml)
	for name, text := range files {
		writeFile(tb, tree, name, text)
	}
	return pack(tb, dir, tree)
}

// SnapdSnap writes a minimal snap named snapd into dir, which the daemon accepts, and returns its path. Its snap-id has to
// be SnapdSnapID.
func SnapdSnap(tb testing.TB, dir string) string {
	tb.Helper()
	stock := Stock(tb)
	tree := tb.TempDir()
	writeFile(tb, tree, "meta/snap.yaml", "name: snapd\nversion: "+stock.Version+
		"\ntype: snapd\nsummary: test\ndescription: test\narchitectures: [all]\n")
	// The daemon accepts no empty folders here.
	writeFile(tb, tree, "lib/systemd/system/snapd.service", "[Service]\nExecStart=/usr/lib/snapd/snapd\n")
	writeFile(tb, tree, "usr/bin/snap", nothingScript)
	for _, name := range []string{"info", "snap-exec", "snap-seccomp"} {
		text, err := os.ReadFile(filepath.Join(stock.LibDir, name))
		if err != nil {
			tb.Fatalf("read snapd's %s: %v", name, err)
		}
		writeFile(tb, tree, "usr/lib/snapd/"+name, string(text))
	}
	return pack(tb, dir, tree)
}

func writeFile(tb testing.TB, tree, name, text string) {
	tb.Helper()
	if !filepath.IsLocal(name) {
		tb.Fatalf("%q leads out of the snap", name)
	}
	path := filepath.Join(tree, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatalf("make a folder for %s: %v", name, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		tb.Fatalf("write %s: %v", name, err)
	}
}

// pack makes a squashfs of tree in dir, under an unused name.
func pack(tb testing.TB, dir, tree string) string {
	tb.Helper()
	need(tb, "mksquashfs")
	f, err := os.CreateTemp(dir, "*.snap")
	if err != nil {
		tb.Fatalf("create a snap file: %v", err)
	}
	if err := f.Close(); err != nil {
		tb.Fatalf("create a snap file: %v", err)
	}
	// snapd accepts only files made with these options, except for the times.
	_, err = tool("", nil, "mksquashfs", tree, f.Name(), "-noappend", "-no-progress", "-quiet",
		"-all-root", "-no-xattrs", "-no-fragments", "-comp", "xz", "-mkfs-time", "0", "-all-time", "0")
	if err != nil {
		tb.Fatalf("pack a snap: %v", err)
	}
	return f.Name()
}
