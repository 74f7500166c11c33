// Package doctest reads the documentation for tests that compare it with the code.
package doctest

import (
	"io/fs"
	"strings"
	"testing"

	"offlinestore/docs"
)

// Page returns the text of a file in docs.
func Page(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(docs.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// BadInput returns the table below a heading of docs/errors.md. It maps each input to its exit code or HTTP status.
func BadInput(t *testing.T, heading string) map[string]string {
	t.Helper()
	_, section, ok := strings.Cut(Page(t, "errors.md"), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/errors.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	table := make(map[string]string)
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "input" {
			continue
		}
		input := strings.TrimSpace(cells[1])
		if _, twice := table[input]; twice {
			t.Errorf("docs/errors.md, %s: %q has two rows", heading, input)
		}
		table[input] = strings.TrimSpace(cells[2])
	}
	if len(table) == 0 {
		t.Errorf("docs/errors.md, %s: there is no table", heading)
	}
	return table
}
