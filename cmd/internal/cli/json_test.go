package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"offlinestore/internal/doctest"
)

// TestJSONIsDocumented compares docs/json.md with the structs that the commands print, because scripts read these members.
func TestJSONIsDocumented(t *testing.T) {
	t.Parallel()
	const root = "../../../"
	text := doctest.Page(t, "json.md")
	tag, member := regexp.MustCompile("`json:\"([^\",-][^\",]*)"), regexp.MustCompile(`"([a-z-]+)":|\["([a-z-]+)"\] = `)
	var sources []string
	for _, pattern := range []string{"cmd/store-admin/*.go", "cmd/snap-store-proxy/*.go", "exporter/errors.go", "exporter/hints.go", "catalog/import.go", "catalog/history.go", "catalog/removed.go", "catalog/rollback.go", "catalog/rollback_history.go", "catalog/hold.go", "catalog/takeover.go", "catalog/withdrawal.go", "catalog/overview/*.go", "inquiry/*.go", "cmd/internal/*/*.go", "instance/backup_summary.go", "instance/connections.go", "instance/health.go", "instance/parts.go", "catalog/part.go", "instance/registration.go", "instance/restore.go", "instance/services.go", "instance/scrub_report.go", "instance/settings/row.go", "instance/trust_list.go", "difference/difference.go", "bundle/comparison.go"} {
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
			if name := m[1] + strings.Join(m[2:], ""); !strings.Contains(text, "`"+name+"`") {
				t.Errorf("%s: %q is not in docs/json.md", path, name)
			}
		}
	}
	if tags < 100 {
		t.Errorf("found %d members of JSON, want more than 100", tags)
	}
}
