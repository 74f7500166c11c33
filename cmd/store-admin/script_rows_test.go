package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// TestTablesOfScripts compares tables of docs/errors.md with scripts. A comment "# row: INPUT" in a script names a row, and the next command has
// its exit code.
func TestTablesOfScripts(t *testing.T) {
	t.Parallel()
	for heading, scripts := range map[string]string{"Bad logins": "login*.txtar", "Bad models": "model.txtar", "Bad registrations of keys": "register-key.txtar",
		"Bad answers of air-gapped stores": "offline*.txtar", "Bad exports of stores": "store*.txtar"} {
		paths, err := filepath.Glob(filepath.Join("testdata/script", scripts))
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, path := range paths {
			addRows(t, got, path)
		}
		if diff := cmp.Diff(got, doctest.BadInput(t, heading)); diff != "" {
			t.Errorf("%s (-scripts +docs/errors.md):\n%s", heading, diff)
		}
	}
}

// addRows adds the rows that a script names.
func addRows(t *testing.T, rows map[string]string, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	row := ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "# row: "); ok {
			row = strings.TrimSpace(name)
		} else if words := strings.Fields(line); row != "" && len(words) > 1 && words[0] == "admin" {
			rows[row], row = words[1], ""
		}
	}
}
