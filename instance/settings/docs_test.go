package settings_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
	"offlinestore/internal/doctest"
)

// TestTableOfSettings holds the table of docs/settings.md against the settings: the same rows, the same defaults.
func TestTableOfSettings(t *testing.T) {
	t.Parallel()
	var want []string
	for _, k := range settings.Keys() {
		want = append(want, k.Name+" = "+k.Default)
	}
	slices.Sort(want)
	if diff := cmp.Diff(rows(t, 3), want); diff != "" {
		t.Errorf("the table of settings (-docs +settings):\n%s", diff)
	}
}

// TestTableOfObsolete does the same for the settings of the original that have no meaning here.
func TestTableOfObsolete(t *testing.T) {
	t.Parallel()
	var want []string
	for name, why := range settings.Obsolete() {
		want = append(want, name+" = "+why)
	}
	slices.Sort(want)
	if diff := cmp.Diff(rows(t, 2), want); diff != "" {
		t.Errorf("the table of settings without a meaning (-docs +settings):\n%s", diff)
	}
}

// rows returns the rows of the table of docs/settings.md that has so many columns.
func rows(t *testing.T, columns int) []string {
	t.Helper()
	var rows []string
	for line := range strings.Lines(doctest.Page(t, "settings.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != columns+2 || !strings.HasPrefix(line, "| proxy.") && !strings.HasPrefix(line, "| internal.") {
			continue
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			rows = append(rows, strings.TrimSpace(name)+" = "+strings.TrimSpace(cells[2]))
		}
	}
	slices.Sort(rows)
	return rows
}
