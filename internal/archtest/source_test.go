package archtest_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the path in go.mod.
const module = "offlinestore"

// source is one Go file.
type source struct {
	path string // from the root of the module, with slashes
	fset *token.FileSet
	file *ast.File
}

// pkg returns the folder of the file, from the root of the module.
func (s source) pkg() string { return path.Dir(s.path) }

// at returns the place where n begins, as compilers print it.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// lines returns the number of lines from the first line of n to its last, both included.
func (s source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// imports returns the paths that the file imports.
func (s source) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.at(spec), err)
		}
		paths = append(paths, p)
	}
	return paths
}

// sources parses every Go file of the product, without tests, for all platforms. `go list` would leave out files for other
// platforms. The result includes the nested module.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, s := range allSources(t) {
		if !s.isTest() {
			out = append(out, s)
		}
	}
	return out
}

// isTest reports whether the file is a test.
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// allSources parses every Go file, tests included.
func allSources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != root && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_")) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: filepath.ToSlash(rel), fset: fset, file: file})
		return nil
	})
	if err != nil {
		t.Fatalf("parse the module: %v", err)
	}
	if len(all) < 50 { // a test must not pass because it saw no files
		t.Fatalf("found %d files of the module, want at least 50", len(all))
	}
	return all
}

// moduleRoot returns the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			t.Fatalf("find go.mod: %v", err)
		}
		dir = parent
	}
}
