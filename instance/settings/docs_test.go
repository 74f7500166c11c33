package settings_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
	"offlinestore/internal/doctest"
)

// TestTableOfSettings compares the table of docs/settings.md with the settings: the same rows, the same defaults.
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

// TestTableOfObsolete compares the table of the original's settings without a meaning here in the same way.
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

// rows returns the rows of the table of docs/settings.md with a number of columns.
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
