package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// TestTablesOfScripts compares tables of docs/errors.md with scripts.
func TestTablesOfScripts(t *testing.T) {
	t.Parallel()
	for heading, scripts := range map[string]string{
		"Bad logins": "login*.txtar", "Bad receivers": "receiver.txtar", "Bad forms of bundles": "media*.txtar", "Bad models": "model.txtar", "Bad exports of stores": "store*.txtar", "Bad registrations of keys": "register-key.txtar",
		"Bad answers of air-gapped stores": "offline*.txtar", "Bad wanted files": "wanted*.txtar", "Bad images upstream": "images.txtar",
	} {
		if diff := cmp.Diff(doctest.ScriptRows(t, "testdata/script/"+scripts), doctest.BadInput(t, heading)); diff != "" {
			t.Errorf("%s (-scripts +docs/errors.md):\n%s", heading, diff)
		}
	}
	parts := doctest.ScriptRows(t, "testdata/script/parts.txtar")
	parts["full medium, in a script"], parts["full medium, on a terminal"], parts["unfinished export whose blobs are gone"] = "7", "0", "1" // parts-medium.txtar
	parts["kill -9 while a part is written"] = "killed"                                                                                     // TestKillAtEachRename
	if diff := cmp.Diff(parts, doctest.BadInput(t, "Bad exports in parts")); diff != "" {
		t.Errorf("Bad exports in parts (-scripts +docs/errors.md):\n%s", diff)
	}
}
