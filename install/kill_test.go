package install_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/install"
	"offlinestore/internal/killtest"
)

// TestKillInstall kills install.sh, with the programs that it runs, before each change of a name or a mode. The next run completes the
// installation with the same files as an installation that nobody kills, but for the log of the fake program.
func TestKillInstall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each of many installations is traced")
	}
	h := newHost(t)
	if out, ok := h.install("--push"); !ok {
		t.Fatalf("install.sh: %s", out)
	}
	want := h.state()
	const step, least = 3, 50
	kills := 0
	for n, killed := 0, true; killed; n++ {
		if n > 1 && n%step != 0 {
			continue
		}
		h.root = filepath.Join(t.TempDir(), "a root")
		tmp := t.TempDir()
		cmd := exec.Command(filepath.Join(h.dir, install.Folder, "install.sh"), "--push", "--root", h.root)
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
		if killed = killtest.TreeAtChange(t, cmd, n); killed {
			kills++
			if out, ok := h.install("--push"); !ok {
				t.Errorf("killed at change %d, and run again: %s", n, out)
			}
		}
		if got := h.state(); got != want {
			t.Errorf("killed at change %d, and run again: the files are\n%s\nwant\n%s", n, got, want)
		}
	}
	if kills < least {
		t.Errorf("killed %d times, want at least %d", kills, least)
	}
}

// state describes all files and links below the root, but for the log of the fake program.
func (h *host) state() string {
	h.t.Helper()
	var list strings.Builder
	for name := range strings.SplitSeq(h.files(), "\n") {
		path := filepath.Join(h.root, name)
		info, err := os.Lstat(path)
		if err != nil {
			h.t.Fatal(err)
		}
		var content []byte
		if target, err := os.Readlink(path); err == nil {
			content = []byte(target)
		} else if content, err = os.ReadFile(path); err != nil {
			h.t.Fatal(err)
		}
		if filepath.Base(name) != "log" {
			fmt.Fprintf(&list, "%s %s %x\n", info.Mode(), name, sha256.Sum256(content))
		}
	}
	return list.String()
}
