package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
)

// TestShellQuote lets a shell read the quoted paths.
func TestShellQuote(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	for _, path := range []string{"a.macaroon", "/a/b-c_1.tar.gz", "a b", "it's", "$(exit 1)", "a;b", "*", "~", `a\b`, "`x`", "", "ä"} {
		got, err := exec.Command(sh, "-c", "printf %s "+shellQuote(path)).Output()
		if err != nil || string(got) != path {
			t.Errorf("shellQuote(%q) = %s, which a shell reads as %q, %v", path, shellQuote(path), got, err)
		}
	}
	for path, want := range map[string]string{"a/b.macaroon": "a/b.macaroon", "-x": "./-x"} {
		if got := shellQuote(path); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", path, got, want)
		}
	}
}

// TestCheckToken checks the place of the token beside a layout.
func TestCheckToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	out := &output{o: &exportOptions{outputDir: layout, storeID: "acme-pumps"}}
	if err := out.checkToken(layout); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the check leaves %v, %v", left, err)
	}
	top := filepath.VolumeName(dir) + string(filepath.Separator)
	if e, ok := errors.AsType[*cli.Error](out.checkToken(top)); !ok || e.Code != cli.Usage {
		t.Errorf("checkToken(%s) = %v, want an error about the usage", top, e)
	}
	if err := out.checkToken(filepath.Join(dir, "nowhere", "layout")); err == nil || !strings.Contains(err.Error(), "beside the layout") {
		t.Errorf("a folder that can't be written: %v", err)
	}
}
