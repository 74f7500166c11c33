package cli_test

import (
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
)

func TestReadSecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "hunter2": "hunter2", "hunter2\n": "hunter2", "hun ter2 \r\n": "hun ter2 ", "\n": ""} {
		if got, err := cli.ReadSecret(strings.NewReader(text)); got != want || err != nil {
			t.Errorf("ReadSecret(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"hunter2\nmore", "hunter2\n\n", strings.Repeat("x", 1<<20)} {
		if _, err := cli.ReadSecret(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ReadSecret(%.20q): %v, want an error without the secret", text, err)
		}
	}
}

func TestAskSecretWantsATerminal(t *testing.T) {
	t.Parallel()
	if _, err := cli.AskSecret("Password: "); err == nil || !strings.Contains(err.Error(), "not a terminal") {
		t.Errorf("AskSecret without a terminal: %v", err)
	}
}
