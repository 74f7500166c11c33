package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestCommandFilesHaveNoCircle refuses circles between the files of a
// command's package: a file uses another one if it names something that the
// other declares at the top level. Packages keep out circles by themselves.
func TestCommandFilesHaveNoCircle(t *testing.T) {
	t.Parallel()
	files := make(map[string][]source)
	for _, s := range sources(t) {
		if isProgram(s.pkg()) && s.file.Name.Name == "main" {
			files[s.pkg()] = append(files[s.pkg()], s)
		}
	}
	if len(files["cmd/snap-store-proxy"]) < 10 {
		t.Fatalf("found %d files of snap-store-proxy, want at least 10", len(files["cmd/snap-store-proxy"]))
	}
	for pkg, list := range files {
		if circle := findCircle(fileUses(list)); circle != nil {
			t.Errorf("%s: the files use each other in a circle: %s", pkg, strings.Join(circle, " → "))
		}
	}
}

func TestFindCircle(t *testing.T) {
	t.Parallel()
	if got := findCircle(map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil}); got != nil {
		t.Errorf("findCircle of a tree = %v, want none", got)
	}
	if got := findCircle(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}); !slices.Equal(got, []string{"b", "c", "b"}) {
		t.Errorf("findCircle = %v, want b c b", got)
	}
}

// fileUses returns for each file of a package the other files that it uses.
func fileUses(list []source) map[string][]string {
	declaredIn := make(map[string]string)
	for _, s := range list {
		for _, name := range topLevelNames(s.file) {
			declaredIn[name] = s.path
		}
	}
	uses := make(map[string][]string)
	for _, s := range list {
		used := make(map[string]bool)
		for _, id := range unresolved(s) {
			if in := declaredIn[id]; in != "" && in != s.path {
				used[path.Base(in)] = true
			}
		}
		uses[path.Base(s.path)] = slices.Sorted(maps.Keys(used))
	}
	return uses
}

// topLevelNames returns the names that a file declares, without methods.
func topLevelNames(f *ast.File) (names []string) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// unresolved returns the names that a file uses and does not declare itself.
// Only a parser that resolves objects knows them, so it parses again.
func unresolved(s source) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), s.fset.Position(s.file.Pos()).Filename, nil, 0)
	if err != nil {
		return nil // the first parse would have failed
	}
	for _, id := range f.Unresolved {
		names = append(names, id.Name)
	}
	return names
}

// findCircle returns a circle as a path that ends where it begins, or nil.
func findCircle(uses map[string][]string) []string {
	done := make(map[string]bool)
	var onPath []string
	var visit func(file string) []string
	visit = func(file string) []string {
		if i := slices.Index(onPath, file); i >= 0 {
			return append(slices.Clone(onPath[i:]), file)
		}
		if done[file] {
			return nil
		}
		onPath = append(onPath, file)
		for _, next := range uses[file] {
			if circle := visit(next); circle != nil {
				return circle
			}
		}
		onPath = onPath[:len(onPath)-1]
		done[file] = true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		if circle := visit(file); circle != nil {
			return circle
		}
	}
	return nil
}
