package audit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestActsAreDocumented wants each act of the source in the table.
func TestActsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	acts := regexp.MustCompile(`(?:\bWhat: |act\.What = |Reason[A-Z][a-z]+ += |remodelChange\{"[^"]*", )"([a-z-]+)"`)
	found := make(map[string]bool)
	for _, pattern := range []string{"../catalog/*.go", "../instance/*.go", "../server/*/*.go", "../registrar/*.go", "../service/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, m := range acts.FindAllSubmatch(source, -1) {
				found[string(m[1])] = true
			}
		}
	}
	if len(found) < 30 {
		t.Errorf("found %d acts; the test is blind", len(found))
	}
	for act := range found {
		if !strings.Contains(string(text), "`"+act+"`") {
			t.Errorf("docs/audit.md lacks the act %s", act)
		}
	}
}

// TestSecondReader runs the script of docs/audit.md, which knows nothing of this package.
func TestSecondReader(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "jq", "openssl", "sha256sum", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	text, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(text), "```bash\n")
	script, _, found := strings.Cut(script, "```\n")
	if !found {
		t.Fatal("docs/audit.md has no script")
	}
	dir, k := t.TempDir(), newKey(t)
	path := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	program, key, foreign := path("verify.sh", script), path("key.pem", string(k.Public().PEM())), path("foreign.pem", string(newKey(t).Public().PEM()))
	list := entries(t, 9, "a\x00\x7f</script>\u2028ä")
	file := string(export(t, k, list, 0))
	lines := strings.SplitAfter(file, "\n")
	for name, c := range map[string]struct{ file, key, says string }{
		"whole":   {file, key, "whole: rows 1 to 9; to compare later: 9:" + list[8].Hash},
		"part":    {string(export(t, k, list, 5)), key, "row before: 5:" + list[4].Hash + "\nwhole: rows 6 to 9;"},
		"parts":   {strings.Join(lines[:6], "") + string(export(t, k, list, 6)), key, "row 4: a line that is no row follows"},
		"altered": {strings.Replace(file, `"revision":3`, `"revision":4`, 1), key, "row 3: it was altered"},
		"removed": {strings.Replace(file, lines[3], "", 1), key, "row 3: it is missing"},
		"cut":     {strings.Join(lines[:8], ""), key, "row 6: the header names 9 rows"},
		"key":     {file, foreign, "row 0: wrong signature"},
	} {
		out, err := exec.Command("bash", program, path(name, c.file), c.key).CombinedOutput()
		if (err == nil) != (c.key == key && strings.Contains(c.says, "whole: ")) || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v, %s; want %q", name, err, out, c.says)
		}
	}
}
