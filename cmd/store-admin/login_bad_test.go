package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// TestTableOfBadLogins compares the table of docs/errors.md with the scripts. A comment "# row: INPUT" in a script names a row, and the next
// command has its exit code.
func TestTableOfBadLogins(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/login*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		row := ""
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "# row: "); ok {
				row = strings.TrimSpace(name)
			} else if words := strings.Fields(line); row != "" && len(words) > 1 && words[0] == "admin" {
				got[row], row = words[1], ""
			}
		}
	}
	if diff := cmp.Diff(got, doctest.BadInput(t, "Bad logins")); diff != "" {
		t.Errorf("the table of bad logins (-scripts +docs/errors.md):\n%s", diff)
	}
}
