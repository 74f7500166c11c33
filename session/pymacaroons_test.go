package session_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"offlinestore/session"
)

// TestIndependentVerifier lets Debian's pymacaroons verify sessions.
func TestIndependentVerifier(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // Debian's, even if the path leads to another version
	if out, err := exec.Command(python, "-c", "import pymacaroons").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no pymacaroons: %v: %s", err, out)
		}
		t.Skip("no pymacaroons: install python3-pymacaroons")
	}
	verify := func(secret, text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), python, "testdata/verify.py", secret)
		cmd.Stdin = strings.NewReader(text)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.Output()
		return string(out), err
	}
	for want, d := range map[string]session.Device{
		"offlinestore\ndevice acme/pump/0001\nstore acme-store\nuntil 2026-05-05T12:00:00Z\n": {Brand: "acme", Model: "pump", Serial: "0001", Store: "acme-store"},
		"offlinestore\nuntil 2026-05-04T13:00:00Z\n":                                          {},
	} {
		text, err := session.NewKeys("a secret").New(d, monday())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := verify("a secret", text); got != want || err != nil {
			t.Errorf("pymacaroons reads %q, %v, want %q", got, err, want)
		}
		if got, err := verify("another secret", text); err == nil {
			t.Errorf("pymacaroons verifies with another secret: %q", got)
		}
	}
}
