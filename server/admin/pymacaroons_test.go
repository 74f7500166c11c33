package admin_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestIndependentClient logs in and overrides with Debian's pymacaroons, which shares no code with the store.
func TestIndependentClient(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // Debian's, even if the path leads to another version
	if out, err := exec.Command(python, "-c", "import pymacaroons").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no pymacaroons: %v: %s", err, out)
		}
		t.Skip("no pymacaroons: install python3-pymacaroons")
	}
	a := newAPI(t)
	cmd := exec.CommandContext(t.Context(), python, "testdata/client.py", a.url, email)
	cmd.Stdin = strings.NewReader(password)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ok\n" {
		t.Errorf("client.py: %v: %s", err, out)
	}
}
