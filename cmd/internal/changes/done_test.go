package changes_test

import (
	"bytes"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/changes"
	"offlinestore/difference"
	"offlinestore/importer"
	"offlinestore/snap"
)

// TestPushedStores prints stores from the top down, and only if the import has changed something about them.
func TestPushedStores(t *testing.T) {
	t.Parallel()
	c := importer.Content{Stores: []snap.Store{
		{ID: "a", Name: "Lowest", Parent: "c", AdminID: "ada"}, {ID: "b", Name: "Top"}, {ID: "c", Name: "Middle", Parent: "b"},
	}}
	var out bytes.Buffer
	changes.PrintDone(&out, c, &catalog.Report{Updates: []difference.Change{{What: difference.StoreSnap, Name: "a", Snap: "pump", New: "a"}}})
	const want = "Pushing store Top\nPushing store assertions\nPushing store Middle\nPushing store assertions\nPushing store Lowest\nPushing store assertions\nUpdating store allowlists\n"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\nStore admin account imported successfully.\n") {
		t.Errorf("printed\n%s\nwant first\n%s", got, want)
	}
	out.Reset()
	changes.PrintDone(&out, c, &catalog.Report{Assertions: 1, Kept: []catalog.SnapMove{{Snap: "pump", Architecture: "amd64", Channel: "latest/stable", From: 2, To: 1}}})
	if got := out.String(); !strings.Contains(got, "stays at revision 2") || strings.Contains(got, "Pushing") || strings.Contains(got, "allowlists") || strings.Contains(got, "admin account") {
		t.Errorf("a superseded export printed\n%s", got)
	}
}
