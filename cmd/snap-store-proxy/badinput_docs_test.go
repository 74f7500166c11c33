//go:build linux

package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/doctest"
)

// otherRows returns the rows of the table that have a test of their own. A push that a signal ended has no exit code.
func otherRows() []struct {
	row   string
	codes []int
	test  string
} {
	return []struct {
		row   string
		codes []int
		test  string
	}{
		{"flipped bit anywhere else", []int{cli.Damaged, cli.Untrusted}, "TestFlippedBitAnywhere"},
		{"file of the original store-admin, unsigned", []int{cli.Untrusted}, "TestUnsignedFiles"},
		{"such a file with `--allow-unsigned`, damaged", []int{cli.Damaged}, "TestUnsignedFiles"},
		{"such a file with `--allow-unsigned`, a bomb", []int{cli.Damaged}, "TestUnsignedBomb"},
		{"file of assertions that lacks what they need", []int{cli.Untrusted}, "TestScripts"},
		{"file of assertions, damaged", []int{cli.Damaged, cli.Untrusted}, "TestScripts"},
		{"replayed older bundle", []int{cli.OK}, "TestReplay"},
		{"same bundle twice", []int{cli.OK}, "TestTwice"},
		{"several files, some of them bad", []int{cli.Partial}, "TestSeveralFiles"},
		{"several files, all of them bad", []int{cli.Damaged, cli.Untrusted}, "TestSeveralFiles"},
		{"file that can't be read", []int{cli.Failed}, "TestUnreadable"},
		{"named pipe, device or socket in place of a file", []int{cli.Failed}, "TestScripts"},
		{"names that would steer a terminal", []int{cli.Damaged}, "TestNamesCannotSteerTheTerminal"},
		{"disk too small", []int{cli.NoSpace}, "TestDiskTooSmall"},
		{"disk full meanwhile", []int{cli.NoSpace}, "TestDiskFull"},
		{"disk full under the private PostgreSQL", []int{cli.NoSpace, cli.Database}, "TestDiskFullUnderTheDatabase"},
		{"PostgreSQL gone, at any statement of a push", []int{cli.Database}, "TestDatabaseGone"},
		{"private PostgreSQL killed under a push", []int{cli.Database}, "TestClusterKilledMidPush"},
		{"kill -9 while a bundle is read, at any of its parts", nil, "TestKillWhileReading"},
		{"encrypted bundle for another store, or no identity here", []int{cli.Failed}, "TestEncryptedForAnother"},
		{"encrypted bundle that was cut off or altered", []int{cli.Failed, cli.Damaged}, "TestEncryptedDamage"},
		{"kill -9 while an encrypted bundle is read", nil, "TestKillWhileDecrypting"},
		{"kill -9 at any statement of a push", nil, "TestKillAtAnyStatement"},
		{"kill -9 at any time", nil, "TestKillAtAnyTime"},
		{"another snap or charm under a name that is in the store", []int{cli.Untrusted}, "TestScripts"},
	}
}

// TestTableOfBadInput compares the table of docs/errors.md with the tests: the same rows, the same exit codes.
func TestTableOfBadInput(t *testing.T) {
	t.Parallel()
	tests := testFunctions(t)
	want := map[string]string{}
	for _, c := range slices.Concat(badBundles(), badCharms(), badImages(), badPairs()) {
		want[c.row] = codesInWords(c.codes)
	}
	for _, r := range otherRows() {
		if !tests[r.test] {
			t.Errorf("row %q: there is no %s", r.row, r.test)
		}
		want[r.row] = codesInWords(r.codes)
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad bundles")); diff != "" {
		t.Errorf("the table of bad bundles (-tests +docs/errors.md):\n%s", diff)
	}
}

// TestTableOfScripts compares the table of docs/errors.md about models with the scripts.
func TestTableOfScripts(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(doctest.ScriptRows(t, "testdata/script/models*.txtar"), doctest.BadInput(t, "Bad administration of models")); diff != "" {
		t.Errorf("the table of bad administration (-scripts +docs/errors.md):\n%s", diff)
	}
}

// TestTableOfImages compares the table of docs/errors.md about images that belong to no charm with the script.
func TestTableOfImages(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(doctest.ScriptRows(t, "testdata/script/images.txtar"), doctest.BadInput(t, "Bad images")); diff != "" {
		t.Errorf("the table of bad images (-scripts +docs/errors.md):\n%s", diff)
	}
}

// TestTableOfStorage compares the table of docs/errors.md about S3 with the script.
func TestTableOfStorage(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(doctest.ScriptRows(t, "testdata/script/s3.txtar"), doctest.BadInput(t, "Bad storage")); diff != "" {
		t.Errorf("the table of bad storage (-script +docs/errors.md):\n%s", diff)
	}
}

// TestTableOfTakeBack compares the table of docs/errors.md about rollbacks and holds with the scripts and tests.
func TestTableOfTakeBack(t *testing.T) {
	t.Parallel()
	want := doctest.ScriptRows(t, "testdata/script/rollback.txtar")
	maps.Copy(want, doctest.ScriptRows(t, "testdata/script/hold.txtar"))
	want["disk full under the private PostgreSQL"] = codesInWords([]int{cli.OK, cli.NoSpace, cli.Database})
	want["PostgreSQL gone, at any statement of these and of `prune`"] = codesInWords([]int{cli.Database})
	want["kill -9 at any statement of these and of `prune`"] = codesInWords(nil)
	for _, name := range []string{"TestTakeBackCutOff", "TestTakeBackDiskFull"} {
		if !testFunctions(t)[name] {
			t.Errorf("there is no %s", name)
		}
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad rollbacks and holds")); diff != "" {
		t.Errorf("the table of bad rollbacks (-tests +docs/errors.md):\n%s", diff)
	}
}

func codesInWords(codes []int) string {
	if len(codes) == 0 {
		return "killed"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(codes), "[]"), " ", " or ")
}

// testFunctions returns the names of the tests of this package.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				found[fn.Name.Name] = true
			}
		}
	}
	return found
}
