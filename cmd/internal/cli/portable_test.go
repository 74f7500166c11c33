package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExpandPatterns expands the patterns that shells of Windows leave to programs.
func TestExpandPatterns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.tar.gz", "B.TAR.GZ", "c[1].tar.gz", ".a.tar.gz.offlinestore-1.partial", ".hidden.tar.gz", "Thumbs.db", "note.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	all := in("B.TAR.GZ", "a.tar.gz", "c[1].tar.gz")
	for _, test := range []struct{ args, want []string }{
		{in("*.tar.gz"), all},
		{in("*.TAR.gz"), all},
		{in("?.tar.gz"), all[:2]},
		{in("c[1]*"), all[2:]},
		{in("*"), append(append([]string{}, all...), in("note.txt")...)},
		{in("*.zip"), in("*.zip")},
		{in("none/*.tar.gz"), in("none/*.tar.gz")},
		{append([]string{"verify", "--json", "-", "--key=*"}, in("a.tar.gz", "*.txt")...), append([]string{"verify", "--json", "-", "--key=*"}, in("a.tar.gz", "note.txt")...)},
		{nil, nil},
	} {
		if diff := cmp.Diff(test.want, expandPatterns(test.args)); diff != "" {
			t.Errorf("expandPatterns(%q) (-want +got):\n%s", test.args, diff)
		}
	}
}

// TestExpandToFlag expands a pattern in a folder with a file that is named like a flag.
func TestExpandToFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"--force", "a"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{filepath.FromSlash("./--force"), "a"}, expandPatterns([]string{"*"})); diff != "" {
		t.Errorf("expandPatterns (-want +got):\n%s", diff)
	}
}

func TestValidateWindowsPath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", ".", `..\out`, `C:\Users\me\bundles`, `D:bundle.tar.gz`, `\\server\share\x.tar`, `\\?\C:\long`, `\\?\UNC\server\share\x.tar`, `\\?\Volume{26a21bda-a627-11d7-9931-806e6f6e6963}\x.tar`, `\\.\unc\server\share`, "e:/stick/jq.tar.gz",
		"console", "nullable.tar", "com10", "a.con", ".hidden", "jq-20260101T000000.tar.gz"} {
		if err := validateWindowsPath(good); err != nil {
			t.Errorf("validateWindowsPath(%q) = %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"con": "device", "NUL": "device", "nul.tar.gz": "device", `C:\out\aux\x`: "device", "com1.x": "device", "LPT9": "device", "COM¹": "device", "prn .txt": "device",
		"conin$":        "device",
		"jq:latest.tar": "colon", `C:\a\b:c`: "colon", "C:x:y": "colon",
		"out.": "at the end", `out \x`: "at the end", "...": "at the end",
		`\\?\UNC\server\share\nul`: "device", `\\?\UNC\server\share\a:b`: "colon", `\\?\Volume{x}\y`: "forbids", `\\?\UNCLE\x`: "forbids",
		"a?b": "forbids", "a\x01": "forbids", `x|y`: "forbids",
	} {
		if err := validateWindowsPath(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("validateWindowsPath(%q) = %v, want %q", bad, err, want)
		}
	}
}
