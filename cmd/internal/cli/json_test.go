package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestJSONIsDocumented holds the section JSON of docs/operating.md against the structs that the commands print: what scripts read has to be
// found there.
func TestJSONIsDocumented(t *testing.T) {
	t.Parallel()
	const root = "../../../"
	text, err := os.ReadFile(root + "docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### JSON\n")
	section, _, ok := strings.Cut(section, "\n## ")
	if !ok {
		t.Fatal("docs/operating.md has no section JSON")
	}
	tag, member := regexp.MustCompile("`json:\"([^\",]+)"), regexp.MustCompile(`"([a-z-]+)":|\["([a-z-]+)"\] = `)
	var sources []string
	for _, pattern := range []string{"cmd/store-admin/*.go", "cmd/snap-store-proxy/*.go", "exporter/errors.go", "exporter/hints.go", "store/import.go", "store/history.go"} {
		found, err := filepath.Glob(root + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: found %d files, error %v", pattern, len(found), err)
		}
		sources = append(sources, found...)
	}
	tags := 0
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names := tag.FindAllStringSubmatch(string(source), -1)
		for line := range strings.Lines(string(source)) {
			if strings.Contains(line, "map[string]any{") || strings.Contains(line, `result["`) {
				names = append(names, member.FindAllStringSubmatch(line, -1)...)
			}
		}
		for _, m := range names {
			tags++
			if name := m[1] + strings.Join(m[2:], ""); !strings.Contains(section, "`"+name+"`") {
				t.Errorf("%s: %q is not in the section JSON of docs/operating.md", path, name)
			}
		}
	}
	if tags < 100 {
		t.Errorf("found %d members of JSON, want more than 100", tags)
	}
}
