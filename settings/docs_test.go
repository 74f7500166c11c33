package settings_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/settings"
)

// TestTableOfSettings holds the table of docs/operating.md against the settings: the same rows, the same defaults.
func TestTableOfSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && (strings.HasPrefix(line, "| proxy.") || strings.HasPrefix(line, "| internal.")) {
			got = append(got, strings.TrimSpace(cells[1])+" = "+strings.TrimSpace(cells[2]))
		}
	}
	slices.Sort(got)
	for _, k := range settings.Keys() {
		want = append(want, k.Name+" = "+k.Default)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the table of settings (-docs +settings):\n%s", diff)
	}
}
