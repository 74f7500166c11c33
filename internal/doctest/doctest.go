// Package doctest reads the documentation for tests that compare it with the code.
package doctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

var printedCode = regexp.MustCompile(`^stdout '\^([0-9]+)\$'`)

// ScriptRows returns the rows of a table that the scripts of a glob pattern test, like BadInput. A comment "# row: INPUT" names a row, and the
// next command "admin CODE …" has its exit code, or the next line "stdout '^CODE$'" of a command that prints it.
func ScriptRows(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("find the scripts %s: %v", pattern, err)
	}
	rows := make(map[string]string)
	for _, path := range paths {
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
			} else if code := printedCode.FindStringSubmatch(line); row != "" && code != nil {
				rows[row], row = code[1], ""
			}
		}
	}
	return rows
}
